"""Tags by name at a gateway that is slow, forgetful or wrong: nothing is lost, mixed up or left."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from client.scripted_channel import OK
from events.scripted_events import HubBench
from tags.scripted_tags import ScriptedTags

from mxgateway import (
    ConnectionLost,
    DeadlineExceededError,
    EncodeError,
    GalaxyRepositoryClient,
    GatewayClient,
    InternalError,
    Login,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    PermissionDeniedError,
    SequenceGap,
    SessionLostError,
    SlowConsumerError,
    TagSubscription,
    TagValue,
    UnavailableError,
    WriteOutcomeUnknownError,
    WriteRequest,
)
from mxgateway.generated.mxaccess_gateway.v1 import AuthenticateUserReply

K = MxCommandKind


@pytest.fixture
async def bench() -> AsyncIterator[HubBench]:
    """Event streams that the test writes itself."""
    async with HubBench() as running:
        yield running


@pytest.fixture
async def gateway(bench: HubBench) -> ScriptedTags:
    """A gateway without a network."""
    return ScriptedTags(bench)


async def _value(subscription: TagSubscription) -> TagValue:
    with anyio.fail_after(5):
        update = await anext(subscription)
    assert isinstance(update, TagValue)
    return update


# -- which tag is which ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Maß_001.PV", "Mass_001.PV"),
        ("\N{KELVIN SIGN}uehler.PV", "Kuehler.PV"),
        ("\N{LATIN SMALL LETTER DOTLESS I}.PV", "i.PV"),
        ("\N{LATIN SMALL LIGATURE FI}lter.PV", "filter.PV"),
    ],
)
async def test_names_that_only_look_the_same_are_two_tags(
    gateway: ScriptedTags, one: str, other: str
) -> None:
    with anyio.fail_after(5):
        values = await gateway.client.read([one, other])
    assert [value.value for value in values] == [1, 2]


async def test_case_does_not_matter_beyond_ascii_either(gateway: ScriptedTags) -> None:
    with anyio.fail_after(5):
        values = await gateway.client.read(["Kühler.ΔP", "KÜHLER.δp", "kühler.Δp"])
    assert [value.value for value in values] == [1, 1, 1]


async def test_two_tags_with_one_handle_are_told_and_not_mixed_up(gateway: ScriptedTags) -> None:
    gateway.handle_of = lambda tag: 7 if tag in ("A.PV", "B.PV") else 8
    with anyio.fail_after(5):
        values = await gateway.client.read(["A.PV", "B.PV", "C.PV"])
    assert [value.ok for value in values] == [True, False, True]
    assert "A.PV" in values[1].status


async def test_a_value_that_waits_for_the_reply_of_another_tag_comes_once(
    gateway: ScriptedTags,
) -> None:
    async with gateway.client.subscribe("A.PV") as one:
        await _value(one)
        gateway.go.clear()
        gateway.arrived.clear()
        async with anyio.create_task_group() as tasks:
            both = gateway.client.subscribe(["A.PV", "B.PV"])
            tasks.start_soon(both.__aenter__)
            with anyio.fail_after(5):
                await gateway.arrived.wait()
            gateway.value(gateway.handle("A.PV"), 50)
            assert (await _value(one)).value == 50
            gateway.go.set()
        gateway.value(gateway.handle("A.PV"), 51)
        got = [await _value(both) for _ in range(4)]
        assert [value.value for value in got if value.tag == "A.PV"] == [1, 50, 51]
        await both.aclose()


async def test_what_waited_of_a_removed_tag_does_not_come_after_it_is_added_again(
    gateway: ScriptedTags,
) -> None:
    async with gateway.client.subscribe(["A.PV", "B.PV"]) as values:
        for number in range(10, 15):
            gateway.value(gateway.handle("A.PV"), number)
        with anyio.fail_after(5):
            while [each.value for each in values.values.values()] != [14, 2]:
                await anyio.lowlevel.checkpoint()
        await values.remove("A.PV")
        await values.add("A.PV")
        seen = {(value.tag, value.value) for value in [await _value(values) for _ in range(2)]}
        assert seen == {("B.PV", 2), ("A.PV", 3)}


async def test_after_a_gap_the_present_values_follow_and_no_lost_one_is_served(
    gateway: ScriptedTags,
) -> None:
    async with gateway.client.subscribe(["A.PV", "B.PV"]) as values:
        for _ in range(2):
            await _value(values)
        gateway.worker = {"A.PV": 70, "B.PV": 80}
        gateway.value(gateway.handle("A.PV"), 71, lost=5)
        with anyio.fail_after(5):
            mark = await anext(values)
        assert isinstance(mark, SequenceGap)
        assert mark.lost == 5
        assert [(await _value(values)).value for _ in range(2)] == [71, 80]
        assert (await gateway.client.read("B.PV"))[0].value == 80
        assert (await gateway.client.write("B.PV", 81)).ok


@pytest.mark.parametrize("fails", ["the command", "one tag"])
async def test_a_value_that_cannot_be_read_anew_after_a_gap_is_told(
    gateway: ScriptedTags, fails: str
) -> None:
    async with gateway.client.subscribe(["A.PV", "B.PV"]) as values:
        for _ in range(2):
            await _value(values)
        if fails == "the command":
            gateway.worker_error = UnavailableError("the worker is busy")
        else:
            gateway.silent = {"B.PV"}
        gateway.value(gateway.handle("A.PV"), 71, lost=5)
        with anyio.fail_after(5):
            assert isinstance(await anext(values), SequenceGap)
        assert (await _value(values)).value == 71
        lost = await _value(values)
        assert (lost.tag, lost.ok) == ("B.PV", False)
        assert "lost" in lost.status
        gateway.value(gateway.handle("B.PV"), 81)
        assert (await _value(values)).value == 81
        assert (await gateway.client.write("B.PV", 82, timeout=5)).ok


# -- one tag that says nothing ---------------------------------------------------------------


@pytest.mark.requirement("read.batch-partial")
async def test_a_silent_tag_holds_up_none_of_a_large_read(gateway: ScriptedTags) -> None:
    tags = [f"Tank_{number:04}.Level" for number in range(2500)]
    gateway.silent = {tags[0]}
    with anyio.fail_after(10):
        values = await gateway.client.read(tags, timeout=1.5)
    assert [value.ok for value in values] == [False] + [True] * 2499
    assert gateway.items == {}


# -- replies that are late or lost ---------------------------------------------------------------


@pytest.mark.requirement("call.cancel-clean")
@pytest.mark.parametrize("timeout", [None, 5.0])
async def test_cancelled_while_items_are_added_leaves_none(
    gateway: ScriptedTags, timeout: float | None
) -> None:
    gateway.go.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: gateway.client.read("A.PV", timeout=timeout))
        with anyio.fail_after(5):
            await gateway.arrived.wait()
        tasks.cancel_scope.cancel()
        gateway.go.set()
    await gateway.until(lambda: not gateway.items)


@pytest.mark.requirement("call.cancel-clean")
async def test_the_first_value_that_a_cancelled_read_asked_for_serves_the_next(
    gateway: ScriptedTags,
) -> None:
    results: list[TagValue] = []

    first = anyio.CancelScope()

    async def cancelled() -> None:
        with first:
            await gateway.client.read("A.PV")

    async def second() -> None:
        results.extend(await gateway.client.read("A.PV", timeout=5))

    gateway.go.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled)
        with anyio.fail_after(5):
            await gateway.arrived.wait()
            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            first.cancel()
            gateway.go.set()
    assert [value.value for value in results] == [1]  # of the item that the first one added
    await gateway.until(lambda: not gateway.items)


async def test_a_closed_subscription_leaves_no_item_of_a_start_under_way(
    gateway: ScriptedTags,
) -> None:
    gateway.go.clear()
    ended: list[bool] = []
    values = gateway.client.subscribe([f"T_{number}.PV" for number in range(1500)])

    async def follow() -> None:
        ended.extend([True async for _ in values] or [True])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        with anyio.fail_after(5):
            await gateway.arrived.wait()
        tasks.start_soon(values.aclose)
        await anyio.lowlevel.checkpoint()
        gateway.go.set()
    assert ended
    await gateway.until(lambda: not gateway.items)


async def test_parts_that_were_added_before_another_failed_are_given_back(bench: HubBench) -> None:
    gateway = ScriptedTags(bench, max_bulk_items=2)
    with anyio.fail_after(5):
        await gateway.client.read("Z.PV")
        gateway.kinds.clear()
        gateway.arrived.clear()
        gateway.go.clear()
        async with anyio.create_task_group() as tasks:

            async def read() -> None:
                with pytest.raises(InternalError):
                    await gateway.client.read(["A.PV", "B.PV", "C.PV", "D.PV"])

            tasks.start_soon(read)
            await gateway.arrived.wait()
            gateway.lost = []
            gateway.go.set()
            gateway.arrived.clear()
            gateway.go.clear()
            await gateway.arrived.wait()
            gateway.lost = [InternalError("the worker failed", processed="yes")]
            gateway.go.set()
    await gateway.until(lambda: set(gateway.items.values()) <= {"C.PV", "D.PV"})


async def test_items_whose_reply_was_lost_are_removed_when_they_show(
    gateway: ScriptedTags,
) -> None:
    gateway.lost = [DeadlineExceededError("the deadline passed", processed="maybe")]
    gateway.silent = {"A.PV"}
    with anyio.fail_after(5):
        with pytest.raises(DeadlineExceededError):
            await gateway.client.read("A.PV")
        assert list(gateway.items.values()) == ["A.PV"]
        async with gateway.client.subscribe("B.PV") as values:
            await _value(values)
            gateway.value(gateway.handle("A.PV"), 5)
            await gateway.until(lambda: list(gateway.items.values()) == ["B.PV"])
            gateway.value(gateway.handle("B.PV"), 6)
            assert (await _value(values)).value == 6


# -- writes --------------------------------------------------------------------------------------


@pytest.mark.requirement("write.no-replay")
async def test_a_cancelled_write_leaves_the_tag_free_for_the_next(gateway: ScriptedTags) -> None:
    gateway.completion = lambda handle: None  # type: ignore[method-assign]

    async def write() -> None:
        await gateway.client.write("A.PV", 5)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await gateway.until(lambda: K.WRITE in gateway.kinds)
            tasks.cancel_scope.cancel()
        del gateway.completion
        assert (await gateway.client.write("A.PV", 6)).ok
    # Another handle, so that a late completion of the first is not taken for that of the second.
    assert list(gateway.items) == [2]


@pytest.mark.requirement("write.no-replay")
async def test_a_write_that_waited_for_one_with_unknown_end_takes_a_fresh_item(
    gateway: ScriptedTags,
) -> None:
    gateway.completion = lambda handle: None  # type: ignore[method-assign]
    results: list[object] = []

    async def first() -> None:
        with pytest.raises(WriteOutcomeUnknownError):
            await gateway.client.write("A.PV", 5, timeout=0.2)

    async def second() -> None:
        results.append(await gateway.client.write("A.PV", 6, timeout=5))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await gateway.until(lambda: K.WRITE in gateway.kinds)
            tasks.start_soon(second)
            await anyio.lowlevel.checkpoint()
            del gateway.completion
    assert len(results) == 1
    assert gateway.kinds.count(K.WRITE) == 2


async def test_a_subscription_gives_back_an_item_that_a_write_has_spent(
    gateway: ScriptedTags,
) -> None:
    async with gateway.client.subscribe(["A.PV", "B.PV"]) as values:
        gateway.completion = lambda handle: None  # type: ignore[method-assign]
        with pytest.raises(WriteOutcomeUnknownError):
            await gateway.client.write("A.PV", 5, timeout=0.1)
        gateway.value(gateway.handle("A.PV"), 50)
        while (await _value(values)).value != 50:
            pass
        await values.remove("A.PV")
        assert list(gateway.items.values()) == ["B.PV"]


async def test_a_value_that_does_not_fit_is_not_shown_where_users_sign(
    gateway: ScriptedTags,
) -> None:
    user = Login("operator", "operator")
    with anyio.fail_after(5), pytest.raises(EncodeError) as caught:
        await gateway.client.write("A.PV", 1e-320, data_type="float", user=user)
    assert "e-320" not in caught.value.diagnostics()
    assert "A.PV" in str(caught.value)
    [result] = await gateway.client.write_many(
        [WriteRequest(tag="A.PV", value="secret-recipe", data_type="int32", verifier=user)]
    )
    assert isinstance(result.error, EncodeError)
    assert "secret-recipe" not in str(result.to_dict())


async def test_a_galaxy_that_does_not_answer_counts_in_the_deadline(
    gateway: ScriptedTags, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(GalaxyRepositoryClient, "discover_hierarchy", hang)
    with anyio.fail_after(5), pytest.raises(DeadlineExceededError, match="galaxy") as caught:
        await gateway.client.write("A.PV", 5, user=1, timeout=0.2)
    assert caught.value.processed == "no"
    assert K.WRITE not in gateway.kinds


async def test_a_login_that_is_not_answered_counts_in_the_deadline(gateway: ScriptedTags) -> None:
    real, stand_in = gateway.client.invoke_raw, gateway.client

    async def hang(request: MxCommandRequest, **more: Any) -> MxCommandReply:
        if request.command is not None and request.command.kind == K.AUTHENTICATE_USER:
            await anyio.sleep_forever()
        return await real(request, **more)

    stand_in.invoke_raw = hang  # type: ignore[method-assign]
    user = Login("operator", "operator")
    with anyio.fail_after(5), pytest.raises(DeadlineExceededError, match="login") as caught:
        await gateway.client.write("A.PV", 5, user=user, timeout=0.2)
    assert caught.value.processed == "no"
    assert K.WRITE not in gateway.kinds


async def test_what_fails_before_the_write_says_that_nothing_was_written(
    gateway: ScriptedTags,
) -> None:
    gateway.lost = [DeadlineExceededError("the deadline passed", processed="maybe")]
    with anyio.fail_after(5), pytest.raises(DeadlineExceededError) as caught:
        await gateway.client.write("A.PV", 5)
    assert caught.value.processed == "no"
    assert K.WRITE not in gateway.kinds


# -- the end ---------------------------------------------------------------------------------------


async def test_a_lost_session_is_closed_at_the_gateway(gateway: ScriptedTags) -> None:
    channel: Any = gateway.client._channel
    async with gateway.client.subscribe("A.PV") as values:
        await _value(values)
        gateway.stream.finish(ConnectionLost("reset by the peer", cause="reset"))
        with anyio.fail_after(5):
            while "CloseSession" not in channel.methods():
                await anyio.lowlevel.checkpoint()


async def test_a_write_on_a_session_that_was_lost_meanwhile_says_so(gateway: ScriptedTags) -> None:
    real, stand_in = gateway.client.invoke_raw, gateway.client
    asked, go = anyio.Event(), anyio.Event()

    async def slow_login(request: MxCommandRequest, **more: Any) -> MxCommandReply:
        assert request.command is not None
        if request.command.kind != K.AUTHENTICATE_USER:
            return await real(request, **more)
        asked.set()
        await go.wait()
        return MxCommandReply(
            kind=K.AUTHENTICATE_USER,
            protocol_status=OK,
            authenticate_user=AuthenticateUserReply(user_id=7),
        )

    async def write() -> None:
        with pytest.raises(SessionLostError) as caught:  # and not that the client is closed
            await gateway.client.write("A.PV", 5, user=Login("operator", "operator"))
        assert caught.value.processed == "no"

    stand_in.invoke_raw = slow_login  # type: ignore[method-assign]
    channel: Any = gateway.client._channel
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await asked.wait()
            gateway.stream.finish(ConnectionLost("reset by the peer", cause="reset"))
            while "CloseSession" not in channel.methods():
                await anyio.lowlevel.checkpoint()
            go.set()
    assert K.WRITE not in gateway.kinds


async def test_closing_waits_for_a_session_that_is_being_opened(gateway: ScriptedTags) -> None:
    channel: Any = gateway.client._channel
    channel.gate, channel.arrived = anyio.Event(), anyio.Event()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read_quietly, gateway.client)
            await channel.arrived.wait()
            tasks.start_soon(gateway.client.close)
            tasks.start_soon(gateway.client.close)
            await anyio.lowlevel.checkpoint()
            channel.gate.set()
    assert channel.methods() == ["OpenSession", "CloseSession"]


async def _read_quietly(client: GatewayClient) -> None:
    with pytest.raises(Exception, match="closed"):
        await client.read("A.PV")


async def test_an_error_that_is_raised_again_and_again_does_not_grow(bench: HubBench) -> None:
    gateway = ScriptedTags(bench)
    bench.refusals = [(False, PermissionDeniedError("no scope events:read"))]
    depths = []
    for _ in range(4):
        with pytest.raises(PermissionDeniedError) as caught:
            async with gateway.client.subscribe("A.PV"):
                pass
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(depths[1:])) == 1


async def test_closing_that_is_cancelled_does_not_lose_the_error(gateway: ScriptedTags) -> None:
    values = gateway.client.subscribe("A.PV", max_events=1)
    await values.__aenter__()
    gateway.value(1, 5)
    gateway.value(1, 6)
    await _value(values)
    errors: list[SlowConsumerError] = []
    with anyio.fail_after(5):
        while not errors:
            with anyio.CancelScope() as scope:
                try:
                    scope.cancel()
                    await anext(values)
                except SlowConsumerError as error:
                    errors.append(error)
        with pytest.raises(StopAsyncIteration):
            await anext(values)


async def test_what_is_there_does_not_wait_for_a_command_of_others(gateway: ScriptedTags) -> None:
    async with gateway.client.subscribe("A.PV") as values:
        await _value(values)
        gateway.go.clear()
        gateway.arrived.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gateway.client.read, "B.PV")
            with anyio.fail_after(1):
                await gateway.arrived.wait()
                assert (await gateway.client.read("a.pv"))[0].cached
                async with gateway.client.subscribe("A.PV") as more:
                    assert (await _value(more)).value == 1
            gateway.go.set()
