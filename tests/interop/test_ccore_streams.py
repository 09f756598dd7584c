"""Event streams of the public client against a gateway that shares no code with it.

The windows are the smallest that HTTP/2 has, so that flow control is always at work.
"""

from __future__ import annotations

import anyio
import pytest
from interop.ccore_client import advised, connect, outcome, raw_events
from interop.ccore_gateway import CCoreGateway
from interop.plant_sessions import SOURCE_SECONDS
from interop.scripted_plant import FLOOD, SILENT, SPEED

from mxgateway import Timestamp
from mxgateway.client import OptionFields
from mxgateway.errors import AbortedError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily
from mxgateway.values import from_mx_value

SMALL: OptionFields = {"stream_window": 65_535, "connection_window": 65_535}


async def test_data_changes_arrive_in_order_with_their_100_ns(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, **SMALL) as client:
            session, server, (item,) = await advised(client, SPEED)
            events = []
            async with raw_events(client, session) as stream:
                async for event in stream:
                    events.append(event)
                    if len(events) == 3:
                        break

    assert [from_mx_value(event.value) for event in events] == [10.5, 20.5, 30.5]
    assert [event.worker_sequence for event in events] == [1, 2, 3]
    assert {(e.server_handle, e.item_handle, e.quality) for e in events} == {(server, item, 192)}
    stamp = events[0].source_timestamp
    assert isinstance(stamp, Timestamp)
    assert str(stamp) == "2025-10-09T08:53:20.1234567Z"
    assert stamp.timestamp() // 1 == SOURCE_SECONDS


async def test_a_write_is_followed_by_its_completion(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, **SMALL) as client:
            session, server, (item,) = await advised(client, SILENT)
            async with raw_events(client, session) as stream:
                await session.write(server, item, 42)
                change = await anext(stream)
                done = await anext(stream)

    assert (change.family, from_mx_value(change.value)) == (MxEventFamily.ON_DATA_CHANGE, 42)
    assert (done.family, done.item_handle, done.hresult) == (
        MxEventFamily.ON_WRITE_COMPLETE,
        item,
        0,
    )
    assert done.value is None
    assert done.on_write_complete is not None


async def test_a_stream_resumes_after_the_sequence_given(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, **SMALL) as client:
            session, _, _ = await advised(client, SPEED)
            async with raw_events(client, session, 2) as stream:
                event = await anext(stream)

    assert event.worker_sequence == 3


async def test_a_stream_ends_quietly_when_its_session_closes(gateway: CCoreGateway) -> None:
    sequences = []

    with anyio.fail_after(5):
        async with await connect(gateway, **SMALL) as client:
            session, _, _ = await advised(client, SPEED)
            async for event in raw_events(client, session):
                sequences.append(event.worker_sequence)
                if len(sequences) == 3:
                    await session.close()

    assert sequences == [1, 2, 3]
    assert gateway.journal.cancelled == []


async def test_many_windows_of_events_lose_nothing(gateway: CCoreGateway) -> None:
    expected = 2_000  # about three windows of the smallest size

    with anyio.fail_after(20):
        async with await connect(gateway, **SMALL) as client:
            session, _, _ = await advised(client, FLOOD)
            sequences = []
            values = []
            async for event in raw_events(client, session):
                sequences.append(event.worker_sequence)
                values.append(from_mx_value(event.value))
                if len(values) == expected:
                    break

    assert sequences == list(range(1, expected + 1))
    assert values == list(range(expected))


async def test_an_error_after_events_comes_when_all_of_them_were_read(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, **SMALL) as client:
            session, _, _ = await advised(client, SPEED)
            stream = raw_events(client, session)
            events = [await anext(stream)]
            gateway.plant.fail(session.session_id, "the worker is gone")
            events += [await anext(stream) for _ in range(2)]
            with pytest.raises(AbortedError, match="the worker is gone") as caught:
                await anext(stream)
            # The error is told once; the stream is over.
            assert [event async for event in stream] == []

    assert [event.worker_sequence for event in events] == [1, 2, 3]
    assert caught.value.transient
    assert gateway.journal.cancelled == []


async def test_two_streams_at_once_each_get_their_own_events(gateway: CCoreGateway) -> None:
    wanted = 500
    got: dict[str, list[int]] = {}
    errors: list[MxGatewayError] = []

    with anyio.fail_after(10):
        async with await connect(gateway, **SMALL) as client:

            async def read() -> None:
                session, _, _ = await advised(client, FLOOD)
                mine = got[session.session_id] = []
                async with raw_events(client, session) as stream:
                    async for event in stream:
                        assert event.session_id == session.session_id
                        mine.append(event.worker_sequence)
                        if len(mine) == wanted:
                            break

            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(outcome, read, errors)

    assert errors == []
    assert list(got.values()) == [list(range(1, wanted + 1))] * 8
    assert len(gateway.journal.peers) == 1
