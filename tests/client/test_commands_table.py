"""Commands and replies: kind and payload always match, every outcome has its error."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast, get_args, get_type_hints

import pytest

from mxgateway import (
    ConfigurationError,
    MalformedReplyError,
    MxAccessError,
    MxGatewayCommandError,
)
from mxgateway.codec import decode, encode
from mxgateway.commands import (
    COMMANDS,
    check_protocol_status,
    check_reply,
    command,
    new_correlation_id,
    take_payload,
)
from mxgateway.generated.mxaccess_gateway import v1
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItemReply,
    BulkReadReply,
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    ProtocolStatus,
    ProtocolStatusCode,
    RegisterCommand,
    RegisterReply,
)

KINDS = [kind for kind in MxCommandKind if kind != MxCommandKind.UNSPECIFIED]
OK = ProtocolStatus(code=ProtocolStatusCode.OK)
REGISTER = MxCommandKind.REGISTER


def _reply(**fields: Any) -> MxCommandReply:
    complete: dict[str, Any] = {"kind": REGISTER, "protocol_status": OK} | fields
    return decode(MxCommandReply, encode(MxCommandReply(**complete)))


def _payload_class(field: str) -> Callable[[], Any]:
    hint = get_type_hints(MxCommandReply, vars(v1))[field]
    (cls,) = (choice for choice in get_args(hint) if choice is not type(None))
    return cast("Callable[[], Any]", cls)


def test_the_table_knows_every_kind_of_the_contract() -> None:
    assert set(COMMANDS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_command_carries_its_payload_where_the_kind_says(kind: MxCommandKind) -> None:
    spec = COMMANDS[kind]
    built = command(spec.payload())
    assert isinstance(built, MxCommand)
    assert built.kind == kind
    assert getattr(built, spec.field) is not None
    # "payload number = kind number + 9 for every non-control command" (the contract).
    (number,) = (
        f.metadata["betterproto"].number for f in fields(MxCommand) if f.name == spec.field
    )
    assert number == (kind if kind >= 100 else kind + 9)
    assert decode(MxCommand, encode(built)).kind == kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_reply_gives_the_payload_of_its_kind_and_a_missing_one_is_an_error(
    kind: MxCommandKind,
) -> None:
    spec = COMMANDS[kind]
    bare = _reply(kind=kind)
    if spec.reply_field is None:
        assert check_reply(bare, kind) is bare
        assert take_payload(bare, kind) is bare
        return
    with pytest.raises(MalformedReplyError, match="has no payload") as caught:
        check_reply(bare, kind)
    assert caught.value.reply is bare
    assert caught.value.processed == "yes"
    full = _reply(kind=kind, **{spec.reply_field: _payload_class(spec.reply_field)()})
    assert check_reply(full, kind) is full
    assert take_payload(full, kind) is getattr(full, spec.reply_field)


def test_a_message_that_is_no_payload_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="RegisterReply is no payload of a command"):
        command(RegisterReply())


def test_the_answer_is_read_by_kind_and_not_by_what_happens_to_be_there() -> None:
    reply = _reply(add_item=AddItemReply(item_handle=5))
    with pytest.raises(MalformedReplyError, match="REGISTER: the reply is OK but has no payload"):
        check_reply(reply, REGISTER)


def test_an_answer_to_another_command_is_malformed() -> None:
    reply = _reply(kind=MxCommandKind.ADVISE, register=RegisterReply(server_handle=1))
    with pytest.raises(MalformedReplyError, match="REGISTER: the reply answers ADVISE instead"):
        check_reply(reply, REGISTER)
    with pytest.raises(MalformedReplyError, match=r"answers UNKNOWN\(77\) instead"):
        check_reply(_reply(kind=MxCommandKind(77)), REGISTER)


@pytest.mark.parametrize("status", [None, ProtocolStatus()])
def test_a_reply_without_a_protocol_status_is_malformed(status: ProtocolStatus | None) -> None:
    reply = _reply(protocol_status=status, register=RegisterReply(server_handle=1))
    with pytest.raises(MalformedReplyError, match="no protocol status"):
        check_reply(reply, REGISTER)


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize(
    ("code", "processed", "transient"),
    [
        (ProtocolStatusCode.INVALID_REQUEST, "no", False),
        (ProtocolStatusCode.SESSION_NOT_FOUND, "no", False),
        (ProtocolStatusCode.SESSION_NOT_READY, "no", False),
        (ProtocolStatusCode.WORKER_UNAVAILABLE, "maybe", True),
        (ProtocolStatusCode.TIMEOUT, "maybe", True),
        (ProtocolStatusCode.CANCELED, "maybe", False),
        (ProtocolStatusCode.PROTOCOL_VIOLATION, "maybe", False),
        (ProtocolStatusCode(42), "maybe", False),
    ],
    ids=str,
)
def test_a_protocol_failure_says_whether_the_command_may_have_run(
    code: ProtocolStatusCode, processed: str, transient: bool
) -> None:
    reply = _reply(protocol_status=ProtocolStatus(code=code, message="the reason"))
    with pytest.raises(MxGatewayCommandError) as caught:
        check_reply(reply, REGISTER)
    error = caught.value
    assert type(error) is MxGatewayCommandError
    assert (error.processed, error.transient) == (processed, transient)
    assert error.reply is reply
    assert error.protocol_status is reply.protocol_status
    name = code.name or "UNKNOWN(42)"
    assert error.message == f"REGISTER: {name}: the reason"
    assert error.to_dict()["protocolStatus"] == {"code": name, "message": "the reason"}


STATUSES = [
    MxStatusProxy(
        category=MxStatusCategory.SECURITY_ERROR,
        detected_by=MxStatusSource.RESPONDING_LMX,
        detail=321,
        diagnostic_text="refused by security",
    ),
    MxStatusProxy(category=MxStatusCategory.OPERATIONAL_ERROR, detail=902),
]


def test_a_refusal_of_mxaccess_keeps_reply_hresult_and_all_statuses() -> None:
    reply = _reply(
        kind=MxCommandKind.WRITE,
        protocol_status=ProtocolStatus(
            code=ProtocolStatusCode.MXACCESS_FAILURE, message="write refused"
        ),
        hresult=-2147220992,
        statuses=STATUSES,
        diagnostic_message="see the log",
    )
    with pytest.raises(MxAccessError) as caught:
        check_reply(reply, MxCommandKind.WRITE)
    error = caught.value
    assert isinstance(error, MxGatewayCommandError)
    assert error.reply is reply
    assert error.hresult == -2147220992
    assert [s.detail for s in error.statuses] == [321, 902]
    assert error.processed == "yes"
    for part in (
        "WRITE",
        "0x80040200",
        "Security error",
        "detail 321",
        "refused by security",
        "Operational error",
        "see the log",
        "write refused",
    ):
        assert part in error.message
    shown = error.to_dict()
    assert [entry["detail"] for entry in shown["statuses"]] == [321, 902]
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.hresult) == (
        MxAccessError,
        error.message,
        error.hresult,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"hresult": -2147024809},
        {"statuses": [MxStatusProxy(category=MxStatusCategory.CONFIGURATION_ERROR)]},
        {"statuses": [MxStatusProxy(category=MxStatusCategory.OK), STATUSES[0]]},
        {"statuses": [MxStatusProxy(category=MxStatusCategory(42))]},
        {"protocol_status": ProtocolStatus(code=ProtocolStatusCode.MXACCESS_FAILURE)},
    ],
    ids=["hresult", "status", "second status", "unknown category", "protocol status"],
)
def test_each_sign_of_a_refusal_is_enough(fields: dict[str, Any]) -> None:
    with pytest.raises(MxAccessError):
        check_reply(_reply(register=RegisterReply(server_handle=1), **fields), REGISTER)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"hresult": 0},
        {"hresult": 1},
        {"statuses": [MxStatusProxy(success=0)]},
        {"statuses": [MxStatusProxy(success=0, category=MxStatusCategory.UNKNOWN)]},
        {"statuses": [MxStatusProxy(category=MxStatusCategory.PENDING)]},
        {"statuses": [MxStatusProxy(category=MxStatusCategory.WARNING)]},
    ],
    ids=str,
)
def test_what_is_no_failure_passes(fields: dict[str, Any]) -> None:
    reply = _reply(register=RegisterReply(server_handle=1), **fields)
    assert check_reply(reply, REGISTER) is reply


def test_a_refusal_comes_first_also_when_the_kind_is_missing() -> None:
    reply = _reply(kind=MxCommandKind.UNSPECIFIED, hresult=-2147024809)
    with pytest.raises(MxAccessError, match="E_INVALIDARG"):
        check_reply(reply, REGISTER)


def test_an_empty_bulk_reply_is_a_payload() -> None:
    reply = _reply(kind=MxCommandKind.READ_BULK, read_bulk=BulkReadReply())
    assert take_payload(check_reply(reply, MxCommandKind.READ_BULK), reply.kind) is reply.read_bulk


@pytest.mark.requirement("log.redact")
def test_a_key_that_the_gateway_repeats_is_taken_out_of_the_message() -> None:
    status = ProtocolStatus(
        code=ProtocolStatusCode.INVALID_REQUEST, message="key s3cret and mxgw_id_s3cret"
    )
    with pytest.raises(MxGatewayCommandError) as caught:
        check_protocol_status(status, None, "OpenSession", secret="s3cret")
    assert "s3cret" not in caught.value.diagnostics()
    reply = _reply(hresult=-1, diagnostic_message="key s3cret")
    with pytest.raises(MxAccessError) as refused:
        check_reply(reply, REGISTER, secret="s3cret")
    assert "s3cret" not in str(refused.value)


def test_correlation_ids_are_never_empty_and_never_the_same() -> None:
    ids = [new_correlation_id() for _ in range(1000)]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_a_command_is_built_from_its_payload_object_without_a_copy() -> None:
    payload = RegisterCommand(client_name="x")
    assert command(payload).register is payload
