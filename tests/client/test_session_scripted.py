"""Session and client against scripted replies: what is sent, and what an odd reply becomes."""

from __future__ import annotations

import datetime as dt
import logging
import math
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from client.scripted_channel import KEY, OK, ScriptedChannel, scripted_client
from client.session_calls import REPLY, ROWS, Row, good

from mxgateway import (
    ClientClosedError,
    ConfigurationError,
    ConnectionLost,
    EncodeError,
    MalformedReplyError,
    MxAccessError,
    MxGatewayCommandError,
    NotFoundError,
    Session,
    StatusCode,
)
from mxgateway.commands import COMMANDS, command
from mxgateway.errors import rpc_error
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActivateReply,
    CloseSessionReply,
    CloseSessionRequest,
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxValue,
    OpenSessionReply,
    OpenSessionRequest,
    ProtocolStatus,
    ProtocolStatusCode,
    SessionState,
    SuspendReply,
)


def _empty(request: MxCommandRequest) -> MxCommandReply:
    assert request.command is not None
    kind = request.command.kind
    empty: dict[str, Any] = {name: type(payload)() for name, payload in ROWS[kind].answer.items()}
    return MxCommandReply(kind=kind, protocol_status=OK, **empty)


async def _session(channel: ScriptedChannel, **options: Any) -> Session:
    channel.answers.setdefault("Invoke", good)
    return await scripted_client(channel, **options).open_session("python-client")


every_row = pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.kind.name)
with_payload = pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if row.answer], ids=lambda row: row.kind.name
)


def test_there_is_a_row_for_every_kind_of_the_contract() -> None:
    assert set(ROWS) == set(COMMANDS)


@every_row
async def test_each_method_sends_its_command_and_returns_what_answers_it(row: Row) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    returned = await row.call(session, correlation_id="mine")
    method, request, timeout = channel.sent[-1]
    assert (method, timeout) == ("Invoke", 30.0)
    assert request == MxCommandRequest(
        session_id="session-1", client_correlation_id="mine", command=command(row.sent)
    )
    if row.result is REPLY:
        assert isinstance(returned, MxCommandReply)
        assert returned.kind == row.kind
    else:
        assert returned == row.result


@every_row
async def test_each_method_takes_a_timeout(row: Row) -> None:
    channel = ScriptedChannel()
    session = await _session(channel, call_timeout=None)
    await row.call(session, timeout=2.5)
    await row.call(session)
    await row.call(session, timeout=math.inf)
    assert [timeout for _, _, timeout in channel.sent[1:]] == [2.5, None, None]


async def test_correlation_ids_are_new_for_every_call() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    for _ in range(3):
        await session.register("c")
    await session.close()
    ids = [request.client_correlation_id for _, request, _ in channel.sent]
    assert len(ids) == 5
    assert all(ids)
    assert len(set(ids)) == 5


@pytest.mark.parametrize("bad", [0, -1, math.nan, True, "1"])
async def test_a_timeout_that_is_none_is_refused_and_nothing_is_sent(bad: Any) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    with pytest.raises(ConfigurationError, match="timeout: give a positive number of seconds"):
        await session.register("c", timeout=bad)
    assert channel.methods() == ["OpenSession"]


@pytest.mark.parametrize(
    "kind",
    [
        MxCommandKind.REGISTER,
        MxCommandKind.ADD_ITEM,
        MxCommandKind.ADD_ITEM2,
        MxCommandKind.ADD_BUFFERED_ITEM,
    ],
)
async def test_a_handle_of_zero_is_a_missing_handle(kind: MxCommandKind) -> None:
    session = await _session(ScriptedChannel({"Invoke": _empty}))
    with pytest.raises(MalformedReplyError, match="has no handle"):
        await ROWS[kind].call(session)


@pytest.mark.parametrize("kind", [MxCommandKind.SUSPEND, MxCommandKind.ACTIVATE])
async def test_a_returned_status_that_is_missing_is_malformed(kind: MxCommandKind) -> None:
    session = await _session(ScriptedChannel({"Invoke": _empty}))
    with pytest.raises(MalformedReplyError, match="has no status"):
        await ROWS[kind].call(session)


@with_payload
async def test_an_ok_without_its_payload_is_malformed(row: Row) -> None:
    def bare(request: MxCommandRequest) -> MxCommandReply:
        # A return value is no payload, whatever it holds (gateway semantics, section 4).
        return MxCommandReply(
            kind=row.kind, protocol_status=OK, hresult=0, return_value=MxValue(int32_value=5)
        )

    session = await _session(ScriptedChannel({"Invoke": bare}))
    with pytest.raises(MalformedReplyError) as caught:
        await row.call(session)
    assert isinstance(caught.value.reply, MxCommandReply)


@every_row
async def test_each_method_tells_protocol_and_mxaccess_failures_apart(row: Row) -> None:
    answer = MxCommandReply()

    def failing(request: MxCommandRequest) -> MxCommandReply:
        return answer

    session = await _session(ScriptedChannel({"Invoke": failing}))
    answer.protocol_status = ProtocolStatus(code=ProtocolStatusCode.SESSION_NOT_FOUND)
    with pytest.raises(MxGatewayCommandError) as lost:
        await row.call(session)
    assert not isinstance(lost.value, MxAccessError)
    assert lost.value.processed == "no"
    answer.protocol_status = ProtocolStatus(code=ProtocolStatusCode.MXACCESS_FAILURE)
    answer.hresult = -2147024809
    with pytest.raises(MxAccessError, match="E_INVALIDARG") as refused:
        await row.call(session)
    assert refused.value.hresult == -2147024809
    assert refused.value.reply.hresult == -2147024809


@pytest.mark.parametrize("kind", [MxCommandKind.SUSPEND, MxCommandKind.ACTIVATE])
async def test_a_failing_status_that_suspend_returns_is_a_refusal(kind: MxCommandKind) -> None:
    status = MxStatusProxy(category=MxStatusCategory.OPERATIONAL_ERROR, detail=902)

    def failing(request: MxCommandRequest) -> MxCommandReply:
        part: dict[str, Any] = {"suspend": SuspendReply(status), "activate": ActivateReply(status)}
        name = kind.name.lower()
        return MxCommandReply(kind=kind, protocol_status=OK, hresult=0, **{name: part[name]})

    session = await _session(ScriptedChannel({"Invoke": failing}))
    with pytest.raises(MxAccessError, match="Operational error: detail 902") as caught:
        await ROWS[kind].call(session)
    assert caught.value.statuses == (status,)
    assert caught.value.hresult == 0


@pytest.mark.requirement("write.types")
async def test_a_write_that_does_not_fit_names_the_tag_and_sends_nothing() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    server = await session.register("c")
    item = await session.add_item(server, "Pump_001.Mode")
    sent = len(channel.sent)
    for value, declared in ((2**31, "int32"), (True, MxDataType.INTEGER), (math.nan, None)):
        with pytest.raises(EncodeError, match=r"Pump_001\.Mode: ") as caught:
            await session.write(server, item, value, data_type=declared)
        assert caught.value.processed == "no"
    await session.remove_item(server, item)
    with pytest.raises(EncodeError) as unnamed:
        await session.write(server, item, math.nan)
    assert "Pump_001" not in str(unnamed.value)
    assert len(channel.sent) == sent + 1


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED])
async def test_a_failed_write_is_not_sent_again(code: StatusCode) -> None:
    def failing(request: MxCommandRequest) -> MxCommandReply:
        raise rpc_error(code, "no answer")

    channel = ScriptedChannel({"Invoke": failing})
    session = await _session(channel)
    with pytest.raises(type(rpc_error(code))) as caught:
        await session.write(12, 34, 1)
    assert caught.value.processed == "maybe"
    assert channel.methods() == ["OpenSession", "Invoke"]


# Opening ---------------------------------------------------------------------------


async def test_open_session_sends_what_it_is_given() -> None:
    channel = ScriptedChannel()
    client = scripted_client(channel)
    session = await client.open_session(
        client_session_name="mine",
        requested_backend="other",
        command_timeout=1.5,
        timeout=90,
        correlation_id="cid",
    )
    ((method, request, timeout),) = channel.sent
    assert (method, timeout) == ("OpenSession", 90)
    assert request.client_session_name == "mine"
    assert request.requested_backend == "other"
    assert request.client_correlation_id == "cid"
    assert request.command_timeout == dt.timedelta(seconds=1.5)
    assert session.session_id == "session-1"
    assert session.open_reply is not None
    assert session.open_reply.session_id == "session-1"
    assert session.version_warnings == ()
    assert repr(session) == "<Session session-1 open>"


@pytest.mark.parametrize("bad", [0, -1, dt.timedelta(0), math.inf, 1e300, True])
async def test_a_command_timeout_that_is_none_is_refused(bad: Any) -> None:
    channel = ScriptedChannel()
    with pytest.raises(ConfigurationError, match="command_timeout"):
        await scripted_client(channel).open_session(command_timeout=bad)
    assert channel.sent == []


@pytest.mark.parametrize(
    ("gateway", "worker", "parts"),
    [
        (4, 1, ["gateway speaks version 4", "made for 3"]),
        (3, 2, ["worker speaks version 2", "made for 1"]),
        (0, 1, ["gateway does not tell its version"]),
    ],
)
async def test_another_protocol_version_is_a_warning_in_the_log_and_on_the_session(
    gateway: int, worker: int, parts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def versions(request: OpenSessionRequest) -> OpenSessionReply:
        return OpenSessionReply(
            session_id="session-1",
            gateway_protocol_version=gateway,
            worker_protocol_version=worker,
            protocol_status=OK,
        )

    with caplog.at_level(logging.WARNING, "mxgateway"):
        session = await _session(ScriptedChannel({"OpenSession": versions}))
    (warning,) = session.version_warnings
    assert all(part in warning for part in parts)
    assert warning in caplog.text


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (OpenSessionReply(session_id="s"), MalformedReplyError, "no protocol status"),
        (OpenSessionReply(protocol_status=OK), MalformedReplyError, "no session id"),
        (
            OpenSessionReply(
                protocol_status=ProtocolStatus(
                    code=ProtocolStatusCode.WORKER_UNAVAILABLE, message=f"no licence for {KEY}"
                )
            ),
            MxGatewayCommandError,
            r"OpenSession: WORKER_UNAVAILABLE: no licence for \*\*\*",
        ),
    ],
)
async def test_an_open_reply_that_is_not_ok_is_an_error_with_the_reply(
    reply: OpenSessionReply, error: type[Any], text: str
) -> None:
    client = scripted_client(ScriptedChannel({"OpenSession": lambda request: reply}))
    with pytest.raises(error, match=text) as caught:
        await client.open_session()
    assert isinstance(caught.value.reply, OpenSessionReply)
    raw = await client.open_session_raw(OpenSessionRequest())
    assert raw.session_id == reply.session_id


async def test_raw_calls_leave_request_and_reply_as_they_are() -> None:
    refused = MxCommandReply(
        protocol_status=ProtocolStatus(code=ProtocolStatusCode.MXACCESS_FAILURE), hresult=-1
    )
    channel = ScriptedChannel({"Invoke": lambda request: refused})
    client = scripted_client(channel)
    request = MxCommandRequest(session_id="s")
    reply = await client.invoke_raw(request)
    assert reply.hresult == -1
    assert channel.sent[-1][1].client_correlation_id == ""
    with pytest.raises(MxAccessError):
        await client.invoke(request)
    closed = await client.close_session_raw(CloseSessionRequest(session_id="s"), timeout=1)
    assert closed.final_state == SessionState.CLOSED
    assert channel.sent[-1][2] == 1


async def test_raw_calls_refuse_another_message() -> None:
    channel = ScriptedChannel({})
    client = scripted_client(channel)
    other: Any = MxCommand()
    others: list[Any] = [other, None, {}]
    for method in (client.open_session_raw, client.close_session_raw, client.invoke_raw):
        for wrong in others:
            with pytest.raises(ConfigurationError, match="give a message of type"):
                await method(wrong)
    with pytest.raises(ConfigurationError, match="type AcknowledgeAlarmRequest, not MxCommand"):
        await client.acknowledge_alarm_raw(other)
    with pytest.raises(ConfigurationError, match="type StreamEventsRequest, not MxCommand"):
        client.stream_events_raw(other)
    assert channel.sent == []


async def test_a_session_that_is_open_already_is_used_by_its_id() -> None:
    channel = ScriptedChannel({"Invoke": good})
    client = scripted_client(channel)
    session = client.session("session-7")
    assert channel.sent == []
    assert session.open_reply is None
    await session.register("c")
    assert channel.sent[-1][1].session_id == "session-7"
    with pytest.raises(ConfigurationError, match="session_id is missing"):
        client.session("")


# Closing ---------------------------------------------------------------------------


async def test_many_closers_at_once_send_one_request_and_get_the_same_reply() -> None:
    gate = anyio.Event()
    channel = ScriptedChannel()
    session = await _session(channel)
    channel.gate, channel.arrived = gate, anyio.Event()
    replies: list[CloseSessionReply] = []

    async def close() -> None:
        replies.append(await session.close())

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(close)
            await channel.arrived.wait()
            gate.set()
    assert channel.methods() == ["OpenSession", "CloseSession"]
    assert len({id(reply) for reply in replies}) == 1
    assert len(replies) == 10
    assert replies[0].final_state == SessionState.CLOSED
    assert (await session.close()) is replies[0]


async def test_a_cancelled_closer_leaves_the_closing_to_the_next() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    channel.gate, channel.arrived = anyio.Event(), anyio.Event()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.close)
            await channel.arrived.wait()
            tasks.cancel_scope.cancel()
        channel.gate = None
        reply = await session.close()
    assert reply.final_state == SessionState.CLOSED
    assert channel.methods() == ["OpenSession", "CloseSession", "CloseSession"]


async def test_after_a_failed_close_the_next_call_tries_again() -> None:
    failures = [rpc_error(StatusCode.UNAVAILABLE, "down")]

    def close(request: CloseSessionRequest) -> CloseSessionReply:
        if failures:
            raise failures.pop()
        return CloseSessionReply(final_state=SessionState.CLOSED, protocol_status=OK)

    session = await _session(ScriptedChannel({"CloseSession": close}))
    with pytest.raises(type(rpc_error(StatusCode.UNAVAILABLE))):
        await session.close()
    assert session.closed
    assert (await session.close()).final_state == SessionState.CLOSED


@every_row
async def test_a_closed_session_refuses_every_method_and_sends_nothing(row: Row) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    await session.close()
    sent = list(channel.sent)
    with pytest.raises(ClientClosedError, match="session 'session-1' is closed"):
        await row.call(session)
    with pytest.raises(ClientClosedError):
        session.stream_events()
    assert channel.sent == sent
    assert repr(session) == "<Session session-1 closed>"


async def test_leaving_the_block_closes_the_session() -> None:
    channel = ScriptedChannel()
    async with await _session(channel) as session:
        await session.register("c")
    assert session.closed
    assert channel.methods()[-1] == "CloseSession"
    with pytest.raises(ClientClosedError):
        async with session:
            pass


async def test_an_error_of_the_body_is_not_hidden_by_a_failing_close(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def gone(request: CloseSessionRequest) -> CloseSessionReply:
        raise rpc_error(StatusCode.NOT_FOUND, "no such session")

    session = await _session(ScriptedChannel({"CloseSession": gone}))
    with pytest.raises(KeyError) as caught:
        async with session:
            raise KeyError("the body's own")
    assert any("no such session" in note for note in caught.value.__notes__)
    assert "no such session" in caplog.text
    with pytest.raises(NotFoundError):
        await session.close()


async def test_a_failing_close_is_raised_when_the_body_ended_well() -> None:
    def lost(request: CloseSessionRequest) -> CloseSessionReply:
        raise ConnectionLost("gone", cause="reset")

    with pytest.raises(ConnectionLost):
        async with await _session(ScriptedChannel({"CloseSession": lost})):
            pass


async def test_a_session_is_closed_also_when_its_scope_is_cancelled() -> None:
    channel = ScriptedChannel()
    with anyio.fail_after(5):
        with anyio.CancelScope() as scope:
            async with await _session(channel):
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert channel.methods() == ["OpenSession", "CloseSession"]


async def test_a_close_that_fails_in_a_cancelled_scope_lets_the_cancellation_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lost(request: CloseSessionRequest) -> CloseSessionReply:
        raise ConnectionLost("the connection is gone", cause="closed")

    with anyio.fail_after(5):
        with anyio.CancelScope() as scope:
            session = await _session(ScriptedChannel({"CloseSession": lost}))
            try:
                scope.cancel()
                await anyio.lowlevel.checkpoint()
            finally:
                await session.close()
    assert scope.cancelled_caught
    assert "the connection is gone" in caplog.text


@pytest.mark.parametrize("bad", [-1, 2**64, True])
async def test_a_cursor_that_is_no_sequence_number_is_refused(bad: Any) -> None:
    session = await _session(ScriptedChannel())
    with pytest.raises(ConfigurationError, match="after_worker_sequence"):
        session.stream_events(bad)
