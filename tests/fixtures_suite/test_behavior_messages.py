"""The fixtures of fixtures/behavior that hold messages: what the client makes of each."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest
from fixtures_suite.behavior import FOLDER, Fixture, fixture, fixtures, from_json, manifest

from mxgateway import (
    ABSENT,
    MalformedReplyError,
    MxAccessError,
    MxCommandKind,
    MxGatewayCommandError,
    MxGatewayError,
    SessionState,
    TagValue,
)
from mxgateway._version import GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION
from mxgateway.codec import encode, to_jsonable
from mxgateway.commands import COMMANDS, check_protocol_status, check_reply, take_payload
from mxgateway.status import describe_status, is_failure, is_ok, is_pending
from mxgateway.values import from_mx_value, type_name, value_json

REPLIES = fixtures("command-reply")
VALUES = fixture("values.conversion-cases")
STATUSES = fixture("statuses.conversion-cases")


def ids(entries: list[Any]) -> list[str]:
    return [entry.id if isinstance(entry, Fixture) else entry["id"] for entry in entries]


# The folder ----------------------------------------------------------------------------


def test_the_manifest_lists_every_file_once_and_no_other() -> None:
    entries = fixtures()
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    there = {path for path in there if "__pycache__" not in path}
    listed = [entry.path for entry in entries]
    assert sorted(listed) == sorted(there - {"manifest.json", "normalise.py"})
    assert len({entry.id for entry in entries}) == len(entries)
    assert all(entry.expectation for entry in entries)


def test_the_manifest_is_about_the_contract_of_this_client() -> None:
    head = {key: value for key, value in manifest().items() if key != "fixtures"}
    assert head == {
        "schemaVersion": 1,
        "fixtureSet": "behavior",
        "contractName": "mxaccess_gateway.v1",
        "gatewayProtocolVersion": GATEWAY_PROTOCOL_VERSION,
        "workerProtocolVersion": WORKER_PROTOCOL_VERSION,
        "protoInputManifest": "proto/PROVENANCE.md",
    }
    assert (FOLDER.parents[1] / head["protoInputManifest"]).is_file()
    for entry in manifest()["fixtures"]:
        assert set(entry) == {"id", "category", "messageType", "path", "expectation"}


@pytest.fixture(scope="module")
def normalised() -> Any:
    """`normalise.normalised` of the folder."""
    spec = importlib.util.spec_from_file_location("normalise", FOLDER / "normalise.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.normalised


@pytest.mark.requirement("value.unknown-enum", "value.time-100ns")
@pytest.mark.parametrize("entry", fixtures(), ids=ids(fixtures()))
def test_a_file_is_what_google_prints_and_our_codec_prints_the_same(
    entry: Fixture, normalised: Any
) -> None:
    assert (FOLDER / entry.path).read_text(encoding="utf-8") == normalised(entry)
    content = entry.load()
    if entry.category in ("command-reply", "session-reply"):
        shown = [content]
    else:
        shown = [holder[key] for holder, key in entry.messages(content)]
    assert bool(shown) == bool(entry.message_type)
    for one in shown:
        # As text, so that -0.0, 1 and 1.0 and the order of the fields count.
        ours = to_jsonable(from_json(entry.message_type, one))
        assert json.dumps(ours) == json.dumps(one)


# Replies -------------------------------------------------------------------------------


def test_every_kind_of_command_has_a_reply_that_succeeds() -> None:
    kinds = {
        MxCommandKind[entry.load()["kind"].removeprefix("MX_COMMAND_KIND_")]
        for entry in REPLIES
        if entry.outcome == "ok"
    }
    assert kinds == set(COMMANDS) == set(MxCommandKind) - {MxCommandKind.UNSPECIFIED}


SUCCEEDS = {"ok", "partial", "unset-status", "absent-hresult"}
FAILS: dict[str, tuple[type[MxGatewayError], str]] = {
    "mxaccess-failure": (MxAccessError, "yes"),
    "malformed": (MalformedReplyError, "yes"),
    "session-not-found": (MxGatewayCommandError, "no"),
    "timeout": (MxGatewayCommandError, "maybe"),
    "unknown-code": (MxGatewayCommandError, "maybe"),
}


@pytest.mark.parametrize("entry", REPLIES, ids=ids(REPLIES))
def test_a_reply_succeeds_or_fails_as_its_name_says(entry: Fixture) -> None:
    shown = entry.load()
    reply = from_json(entry.message_type, shown)
    assert entry.path == f"command-replies/{entry.id.removeprefix('command-reply.')}.reply.json"
    if entry.outcome in SUCCEEDS:
        assert check_reply(reply, reply.kind) is reply
        field = COMMANDS[reply.kind].reply_field
        payload = take_payload(reply, reply.kind)
        assert payload is (reply if field is None else getattr(reply, field))
        return
    error_type, processed = FAILS[entry.outcome]
    with pytest.raises(MxGatewayError) as caught:
        check_reply(reply, reply.kind)
    error: Any = caught.value
    assert (type(error), error.processed) == (error_type, processed)
    assert error.reply is reply
    for text in (shown["protocolStatus"]["message"], shown["diagnosticMessage"]):
        assert text in error.message or error_type is MalformedReplyError


def test_the_registration_of_the_sample_is_handle_12() -> None:
    reply = from_json("MxCommandReply", fixture("command-reply.register.ok").load())
    assert take_payload(reply, MxCommandKind.REGISTER).server_handle == 12
    assert from_mx_value(reply.return_value) == 12


def test_a_refused_write_keeps_hresult_both_statuses_and_the_null_with_its_diagnostic() -> None:
    entry = fixture("command-reply.write.mxaccess-failure")
    reply = from_json(entry.message_type, entry.load())
    with pytest.raises(MxAccessError) as caught:
        check_reply(reply, MxCommandKind.WRITE)
    error = caught.value
    assert error.hresult == -2147220992
    assert [(s.detail, s.raw_category, s.raw_detected_by) for s in error.statuses] == [
        (321, 8, 3),
        (902, 7, 7),
    ]
    for part in ("0x80040200", "Security error from responding LMX", "Operational error"):
        assert part in str(error)
    assert [s["detail"] for s in error.to_dict()["statuses"]] == [321, 902]
    assert from_mx_value(error.reply.return_value) is None
    assert error.reply.return_value is not None
    assert error.reply.return_value.raw_diagnostic
    assert error.reply.return_value.raw_data_type == 2
    assert COMMANDS[MxCommandKind.WRITE].reply_field is None


def test_a_partial_read_gives_a_reading_per_tag_and_only_the_answered_one_is_good() -> None:
    reply = from_json("MxCommandReply", fixture("command-reply.read-bulk.partial").load())
    readings = [
        TagValue.of(
            result.tag_address,
            result.value,
            result.quality,
            result.source_timestamp,
            result.statuses,
            cached=result.was_cached,
        )
        for result in take_payload(reply, MxCommandKind.READ_BULK).results
    ]
    assert [reading.good for reading in readings] == [False, True]
    assert readings[0].value is ABSENT
    assert str(readings[0].quality) == "Bad, waiting for initial data (32)"
    assert readings[1].require() == 1450.5


def test_a_session_opens_and_closes_as_the_golden_replies_say() -> None:
    opened = fixture("session-reply.open-session.ok")
    reply = from_json(opened.message_type, opened.load())
    check_protocol_status(reply.protocol_status, reply, "OpenSession")
    assert reply.backend_name == "mxaccess-worker"
    versions = (reply.gateway_protocol_version, reply.worker_protocol_version)
    assert versions == (GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION)

    closed = fixture("session-reply.close-session.ok")
    reply = from_json(closed.message_type, closed.load())
    check_protocol_status(reply.protocol_status, reply, "CloseSession")
    assert reply.final_state == SessionState.CLOSED


# Values and statuses ----------------------------------------------------------------------


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize("case", VALUES.load()["cases"], ids=ids(VALUES.load()["cases"]))
def test_a_value_is_read_as_the_case_says_and_keeps_its_raw_side(case: dict[str, Any]) -> None:
    message = from_json(VALUES.message_type, case["value"])
    expected = case["expected"]
    sent = encode(message)
    if expected["kind"] == "malformed":
        with pytest.raises(MalformedReplyError):
            from_mx_value(message)
    else:
        value = from_mx_value(message)
        kind = {"Absent": "absent", "NoneType": "null"}.get(type(value).__name__)
        assert (kind or type(value).__name__) == expected["kind"]
        assert (value is ABSENT) is ("value" not in expected)
        if value is not ABSENT:
            assert json.dumps(value_json(value, message)) == json.dumps(expected["value"])
    assert type_name(message) == expected["typeName"]
    assert {
        "variantType": message.variant_type,
        "rawDataType": message.raw_data_type,
        "rawDiagnostic": message.raw_diagnostic,
    } == case["rawFallback"]
    assert encode(message) == sent


@pytest.mark.requirement("value.unknown-enum")
@pytest.mark.parametrize("case", STATUSES.load()["cases"], ids=ids(STATUSES.load()["cases"]))
def test_a_status_is_judged_by_its_category_alone(case: dict[str, Any]) -> None:
    status = from_json(STATUSES.message_type, case["status"])
    assert {
        "ok": is_ok(status),
        "pending": is_pending(status),
        "failure": is_failure(status),
        "text": describe_status(status),
    } == case["expected"]
