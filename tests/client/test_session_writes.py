"""Writes, logins and control commands: what is refused before the wire, and what is never shown."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from client.scripted_channel import OK, ScriptedChannel, scripted_client
from client.session_calls import good

from mxgateway import (
    ConfigurationError,
    EncodeError,
    MxAccessError,
    MxGatewayError,
    Session,
    StatusCode,
    Timestamp,
)
from mxgateway.errors import rpc_error
from mxgateway.generated.mxaccess_gateway.v1 import (
    ArchestrAUserToIdReply,
    AuthenticateUserCommand,
    AuthenticateUserReply,
    MxArray,
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxDataType,
    MxSparseArray,
    MxSparseElement,
    MxStatusCategory,
    MxStatusProxy,
    MxValue,
    ProtocolStatus,
    ProtocolStatusCode,
    WriteSecured2BulkEntry,
    WriteSecured2Command,
    WriteSecuredBulkEntry,
    WriteSecuredCommand,
)
from mxgateway.values import to_mx_value
from mxgateway.values.sparse import to_sparse_value

NOON = Timestamp.parse("2026-03-01T12:00:00.1234567Z")


async def _session(channel: ScriptedChannel) -> Session:
    channel.answers.setdefault("Invoke", good)
    return await scripted_client(channel).open_session("c")


def _shown(error: MxGatewayError, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that a person or a log gets to see of an error."""
    whole = "".join(traceback.format_exception(error))
    parts = [str(error), repr(error), error.diagnostics(), json.dumps(error.to_dict()), whole]
    return "\n".join([*parts, repr(vars(error).get("details")), caplog.text])


# Arguments -------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [True, 2**31, -(2**31) - 1, 1.0, "1", None])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("server_handle", lambda s, bad: s.advise(bad, 1)),
        ("item_handle", lambda s, bad: s.write(1, bad, 5)),
        ("item_handle", lambda s, bad: s.write2(1, bad, 5, NOON)),
        ("user_id", lambda s, bad: s.write(1, 1, 5, user_id=bad)),
        ("user_id", lambda s, bad: s.write_bulk(1, [(1, 5)], user_id=bad)),
        ("current_user_id", lambda s, bad: s.write_secured(1, 1, 5, current_user_id=bad)),
        (
            "verifier_user_id",
            lambda s, bad: s.write_secured2(1, 1, 5, NOON, current_user_id=1, verifier_user_id=bad),
        ),
        ("server_handle", lambda s, bad: s.authenticate_user(bad, "u", "p")),
        ("milliseconds", lambda s, bad: s.set_buffered_update_interval(1, bad)),
    ],
)
async def test_a_handle_or_id_that_is_no_int32_is_refused_by_name(
    name: str, call: Callable[[Session, Any], Awaitable[Any]], bad: Any
) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    with pytest.raises(ConfigurationError, match=rf"^{name}: give a whole number"):
        await call(session, bad)
    assert channel.methods() == ["OpenSession"]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("client_name: give text, not int", lambda s: s.register(5)),
        ("item_definition: give text", lambda s: s.add_item(1, b"A.B")),
        ("item_context: give text", lambda s: s.add_item2(1, "Me.B", None)),
        ("user_guid: give text", lambda s: s.archestra_user_to_id(1, None)),
        ("password: give text, not int", lambda s: s.authenticate_user(1, "u", 31337)),
        ("milliseconds: .* from 0", lambda s: s.set_buffered_update_interval(1, -1)),
        ("max_events: .* from 0 to 4294967295", lambda s: s.drain_events(-1)),
        ("grace_period: give 0 or more", lambda s: s.shutdown_worker(-1)),
        ("grace_period: give 0 or more", lambda s: s.shutdown_worker(math.nan)),
        ("grace_period: give 0 or more", lambda s: s.shutdown_worker(dt.timedelta(-1))),
        ("grace_period: give seconds", lambda s: s.shutdown_worker(True)),
        ("timestamp: give a datetime", lambda s: s.write2(1, 1, 5, "2026-03-01")),
    ],
)
async def test_other_arguments_are_checked_as_well(
    text: str, call: Callable[[Session], Awaitable[Any]]
) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    with pytest.raises(ConfigurationError, match=f"^{text}") as caught:
        await call(session)
    assert "31337" not in caught.value.diagnostics()
    assert channel.methods() == ["OpenSession"]


async def test_the_grace_period_of_a_shutdown_extends_the_default_deadline() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    await session.shutdown_worker()
    await session.shutdown_worker(dt.timedelta(seconds=60))
    await session.shutdown_worker(60, timeout=2)
    assert [timeout for _, _, timeout in channel.sent[1:]] == [30.0, 65.0, 2]
    graces = [sent[1].command.shutdown_worker.grace_period for sent in channel.sent[1:]]
    assert graces == [None, dt.timedelta(seconds=60), dt.timedelta(seconds=60)]


# Times and array elements ----------------------------------------------------------


@pytest.mark.requirement("value.time-100ns")
async def test_the_time_of_a_write_keeps_100_ns_and_has_a_zone() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    server = await session.register("c")
    item = await session.add_item(server, "Tank_001.Level")
    await session.write2(server, item, 1.5, NOON)
    sent = channel.sent[-1][1].command.write2.timestamp_value
    assert str(sent.timestamp_value) == "2026-03-01T12:00:00.1234567Z"
    already = MxValue(string_value="now")
    await session.write2(server, item, 1.5, already)
    assert channel.sent[-1][1].command.write2.timestamp_value == already
    with pytest.raises(EncodeError, match=r"Tank_001\.Level, timestamp: .* without a time zone"):
        await session.write2(server, item, 1.5, dt.datetime(2026, 3, 1))  # noqa: DTZ001
    assert len(channel.sent) == 5


async def test_array_elements_go_out_as_a_sparse_array_in_order_of_their_index() -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    await session.write_array_elements(
        12, 34, {5: 1.5, 0: 2}, total_length=24, data_type="float[]", user_id=3
    )
    payload = channel.sent[-1][1].command.write
    assert (payload.server_handle, payload.item_handle, payload.user_id) == (12, 34, 3)
    assert payload.value == MxValue(
        data_type=MxDataType.FLOAT,
        sparse_array_value=MxSparseArray(
            element_data_type=MxDataType.FLOAT,
            total_length=24,
            elements=[
                MxSparseElement(0, MxValue(data_type=MxDataType.FLOAT, float_value=2.0)),
                MxSparseElement(5, MxValue(data_type=MxDataType.FLOAT, float_value=1.5)),
            ],
        ),
    )


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize(
    ("elements", "length", "data_type", "reason"),
    [
        ({8: 1}, 8, "int32", "no element 8; indices go from 0 to 7"),
        ({-1: 1}, 8, "int32", "no element -1"),
        ({True: 1}, 8, "int32", "no element True"),
        ({"0": 1}, 8, "int32", "no element '0'"),
        ([(1, 1), (1, 2)], 8, "int32", "element 1 is given twice"),
        ({0: 1}, 0, "int32", "give the length of the whole array, not 0"),
        ({0: 1}, True, "int32", "give the length"),
        ({0: 1}, 2**32, "int32", "give the length"),
        ({}, 8, "int32", "no element is given, which would reset the whole array"),
        ({0: "x"}, 8, "int32", "element 0: int32 expects int of 32 bits, given str"),
        ({0: True}, 8, "int32", "given bool"),
        ({0: None}, 8, "int32", "element 0: give a single value, not null"),
        ({0: [1]}, 8, "int32", "int32 expects a single value, given list"),
        ({0: [1]}, 8, MxDataType.INTEGER, "element 0: give a single value, not an array"),
        ({0: MxValue(int32_value=1)}, 8, "int32", "element 0: give a Python value"),
        ({0: 1}, 8, MxDataType.UNSPECIFIED, "is no type; give one such as bool"),
        ({0: 1}, 8, "word", "'word' is no type; give one such as bool"),
        ({0: 1, 1: "Idle"}, 8, MxDataType.QUALIFIED_ENUM, "elements of several types"),
    ],
)
async def test_elements_that_make_no_array_name_the_tag_and_send_nothing(
    elements: Any, length: Any, data_type: Any, reason: str
) -> None:
    channel = ScriptedChannel()
    session = await _session(channel)
    server = await session.register("c")
    item = await session.add_item(server, "Tank_001.LevelTrend[]")
    sent = len(channel.sent)
    with pytest.raises(EncodeError) as caught:
        await session.write_array_elements(
            server, item, elements, total_length=length, data_type=data_type
        )
    assert reason in caught.value.message
    assert "Tank_001.LevelTrend[]: " in caught.value.message or "element 0" in reason
    assert len(channel.sent) == sent


# Secured values --------------------------------------------------------------------

BATCH = "batch 4711 of the north line"


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.write_secured(12, 34, 4711, data_type="bool", current_user_id=1),
        lambda s: s.write_secured(12, 34, 2**31 + 4711, data_type="int32", current_user_id=1),
        lambda s: s.write_secured(12, 34, MxValue(int32_value=2**31 + 4711), current_user_id=1),
        lambda s: s.write_secured2(
            12, 34, 2**31 + 4711, NOON, data_type="int32", current_user_id=1
        ),
        lambda s: s.write_secured_bulk(
            12, [WriteSecuredBulkEntry(34, 1, 0, MxValue(int32_value=2**31 + 4711))]
        ),
        lambda s: s.write_secured2_bulk(
            12,
            [
                WriteSecured2BulkEntry(
                    34, 1, 0, MxValue(array_value=MxArray(dimensions=[-4711])), to_mx_value(NOON)
                )
            ],
        ),
    ],
)
async def test_a_secured_value_that_does_not_fit_is_refused_without_being_shown(
    call: Callable[[Session], Awaitable[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = ScriptedChannel()
    session = await _session(channel)
    server = await session.register("c")
    await session.add_item(server, "Reactor_001.YieldAdjust")
    sent = len(channel.sent)
    with pytest.raises(EncodeError) as caught:
        await call(session)
    shown = _shown(caught.value, caplog)
    assert "Reactor_001.YieldAdjust" in shown
    assert str(2**31 + 4711) not in shown
    assert "4711" not in caught.value.message
    assert caught.value.__context__ is None
    assert len(channel.sent) == sent


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.write_secured(12, 34, BATCH, current_user_id=1),
        lambda s: s.write_secured2(12, 34, BATCH, NOON, current_user_id=1),
        lambda s: s.write_secured_bulk(12, [WriteSecuredBulkEntry(34, 1, 0, to_mx_value(BATCH))]),
        lambda s: s.write_secured(12, 34, ["other", BATCH], current_user_id=1),
        lambda s: s.write_secured(
            12, 34, to_sparse_value({3: BATCH}, 8, "string"), current_user_id=1
        ),
    ],
)
async def test_a_secured_text_that_the_gateway_repeats_is_not_shown(
    call: Callable[[Session], Awaitable[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    def refused(request: MxCommandRequest) -> MxCommandReply:
        return _refusal(request, f"cannot write {BATCH!r}")

    session = await _session(ScriptedChannel({"Invoke": refused}))
    with pytest.raises(MxAccessError) as caught:
        await call(session)
    assert BATCH not in _shown(caught.value, caplog)
    assert "cannot write '***'" in caught.value.message


def _refusal(request: MxCommandRequest, text: str) -> MxCommandReply:
    assert request.command is not None
    return MxCommandReply(
        kind=request.command.kind,
        protocol_status=ProtocolStatus(code=ProtocolStatusCode.MXACCESS_FAILURE, message=text),
        hresult=-2147024809,
        diagnostic_message=text,
        statuses=[MxStatusProxy(category=MxStatusCategory.SECURITY_ERROR, diagnostic_text=text)],
    )


# Logins ----------------------------------------------------------------------------

PASSWORD = "correct horse/battery"


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize("form", ["mxaccess", "protocol", "rpc"])
async def test_a_password_that_the_gateway_repeats_is_in_no_part_of_the_error(
    form: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"no login with {PASSWORD}"

    def answer(request: MxCommandRequest) -> MxCommandReply:
        if form == "rpc":
            raise rpc_error(
                StatusCode.INTERNAL,
                text,
                details=text.encode(),
                trailing_metadata=[("hint", text)],
            )
        reply = _refusal(request, text)
        if form == "protocol":
            reply.protocol_status = ProtocolStatus(code=ProtocolStatusCode.TIMEOUT, message=text)
        return reply

    caplog.set_level(logging.DEBUG)
    session = await _session(ScriptedChannel({"Invoke": answer}))
    with pytest.raises(MxGatewayError) as caught:
        await session.authenticate_user(12, "anna", PASSWORD)
    shown = _shown(caught.value, caplog)
    assert PASSWORD not in shown
    assert PASSWORD not in str(vars(caught.value).get("trailing_metadata"))
    assert "no login with ***" in shown
    if form == "mxaccess":
        assert isinstance(caught.value, MxAccessError)
        assert "E_INVALIDARG" in caught.value.message
        # Words of the contract stay what they are, whatever the password is.
        assert caught.value.to_dict()["protocolStatus"]["code"] == "MXACCESS_FAILURE"


async def test_a_password_of_a_common_word_leaves_the_facts_of_the_error_alone() -> None:
    def answer(request: MxCommandRequest) -> MxCommandReply:
        return _refusal(request, "yes")

    session = await _session(ScriptedChannel({"Invoke": answer}))
    with pytest.raises(MxAccessError) as caught:
        await session.authenticate_user(12, "anna", "yes")
    assert caught.value.processed == "yes"
    assert caught.value.hresult == -2147024809


@pytest.mark.parametrize("method", ["authenticate_user", "archestra_user_to_id"])
async def test_the_user_id_0_is_a_refused_login(method: str) -> None:
    def nobody(request: MxCommandRequest) -> MxCommandReply:
        payload = {
            "authenticate_user": AuthenticateUserReply(),
            "archestra_user_to_id": ArchestrAUserToIdReply(),
        }
        kind = MxCommandKind[method.upper()]
        answer: dict[str, Any] = {method: payload[method]}
        return MxCommandReply(kind=kind, protocol_status=OK, hresult=0, **answer)

    session = await _session(ScriptedChannel({"Invoke": nobody}))
    arguments = ("anna", PASSWORD) if method == "authenticate_user" else ("{guid}",)
    with pytest.raises(MxAccessError, match="the user id is 0") as caught:
        await getattr(session, method)(12, *arguments)
    assert caught.value.hresult == 0
    assert caught.value.protocol_status == OK
    assert caught.value.reply.kind == MxCommandKind[method.upper()]
    assert PASSWORD not in caught.value.diagnostics()


@pytest.mark.requirement("log.redact")
def test_a_login_shows_neither_user_nor_password_in_its_repr() -> None:
    login = AuthenticateUserCommand(
        server_handle=12, verify_user="anna", verify_user_password=PASSWORD
    )
    for message in (login, MxCommand(authenticate_user=login), [login]):
        assert PASSWORD not in repr(message)
        assert "anna" not in repr(message)
    assert "server_handle=12" in repr(login)
    assert repr(AuthenticateUserReply(user_id=1)) == "AuthenticateUserReply(user_id=1)"


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize(
    "message",
    [
        WriteSecuredCommand(server_handle=12, item_handle=34, value=to_mx_value(BATCH)),
        WriteSecured2Command(server_handle=12, item_handle=34, value=to_mx_value(BATCH)),
        WriteSecuredBulkEntry(item_handle=34, current_user_id=7, value=to_mx_value(BATCH)),
        WriteSecured2BulkEntry(item_handle=34, current_user_id=7, value=to_mx_value(BATCH)),
    ],
)
def test_a_secured_write_does_not_show_its_value_in_its_repr(message: Any) -> None:
    assert BATCH not in repr([message])
    assert "item_handle=34" in repr(message)
    assert "value='***'" in repr(message)
