"""AcknowledgeAlarm: what each reply means. The channel is scripted, nothing is on a network."""

from __future__ import annotations

from typing import Any

import pytest
from client.scripted_channel import KEY, OK, ScriptedChannel, scripted_client

from mxgateway import (
    AcknowledgeAlarmReply,
    AcknowledgeAlarmRequest,
    FailedPreconditionError,
    MalformedReplyError,
    MxAccessError,
    MxGatewayCommandError,
    ProtocolStatus,
    ProtocolStatusCode,
)
from mxgateway.errors import rpc_error
from mxgateway.generated.mxaccess_gateway.v1 import MxStatusCategory, MxStatusProxy

ALARM = "Galaxy!Intake.Tank_001.Level.HiHi"
E_FAIL = -2147467259


def answering(reply: Any) -> ScriptedChannel:
    """A channel that answers every acknowledgement so; an error is raised."""

    def answer(_request: Any) -> Any:
        if isinstance(reply, Exception):
            raise reply
        return reply

    return ScriptedChannel({"AcknowledgeAlarm": answer})


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize("hresult", [None, 0, 1])
async def test_no_hresult_and_one_that_is_not_negative_are_success(hresult: int | None) -> None:
    reply = AcknowledgeAlarmReply(protocol_status=OK, hresult=hresult)
    channel = answering(reply)

    assert await scripted_client(channel).acknowledge_alarm(ALARM, "seen", "op") == reply

    ((_, request, _),) = channel.sent
    assert (request.alarm_full_reference, request.comment) == (ALARM, "seen")
    assert request.operator_user == "op"
    assert request.client_correlation_id


async def test_an_empty_status_is_not_looked_at() -> None:
    reply = AcknowledgeAlarmReply(protocol_status=OK, hresult=0, status=MxStatusProxy(success=0))

    await scripted_client(answering(reply)).acknowledge_alarm(ALARM)


@pytest.mark.parametrize(
    "reply",
    [
        AcknowledgeAlarmReply(protocol_status=OK, hresult=E_FAIL, diagnostic_message="no"),
        AcknowledgeAlarmReply(
            protocol_status=ProtocolStatus(code=ProtocolStatusCode.MXACCESS_FAILURE, message="no")
        ),
        AcknowledgeAlarmReply(
            protocol_status=OK,
            hresult=0,
            diagnostic_message="no",
            status=MxStatusProxy(category=MxStatusCategory.SECURITY_ERROR),
        ),
    ],
)
async def test_a_refusal_keeps_the_whole_reply(reply: AcknowledgeAlarmReply) -> None:
    with pytest.raises(MxAccessError, match="no") as caught:
        await scripted_client(answering(reply)).acknowledge_alarm(ALARM)

    error = caught.value
    assert error.reply == reply
    assert error.processed == "yes"
    assert error.hresult == reply.hresult
    assert ALARM in error.message


@pytest.mark.requirement("write.no-replay")
async def test_what_the_gateway_could_not_do_is_no_mxaccess_error() -> None:
    status = ProtocolStatus(code=ProtocolStatusCode.TIMEOUT, message="no answer")

    with pytest.raises(MxGatewayCommandError, match="no answer") as caught:
        await scripted_client(
            answering(AcknowledgeAlarmReply(protocol_status=status))
        ).acknowledge_alarm(ALARM)

    assert not isinstance(caught.value, MxAccessError)
    assert (caught.value.processed, caught.value.transient) == ("maybe", True)


async def test_a_reply_without_a_protocol_status_is_malformed() -> None:
    with pytest.raises(MalformedReplyError, match="AcknowledgeAlarm"):
        await scripted_client(answering(AcknowledgeAlarmReply(hresult=0))).acknowledge_alarm(ALARM)


async def test_a_status_of_the_call_leaves_as_it_is() -> None:
    error = rpc_error(9, "the acknowledgement failed in subtag mode")

    with pytest.raises(FailedPreconditionError) as caught:
        await scripted_client(answering(error)).acknowledge_alarm(ALARM)

    assert caught.value is error


@pytest.mark.requirement("log.redact")
async def test_a_key_in_the_gateways_text_is_taken_out() -> None:
    reply = AcknowledgeAlarmReply(
        protocol_status=OK, hresult=E_FAIL, diagnostic_message=f"denied for {KEY}"
    )

    with pytest.raises(MxAccessError) as caught:
        await scripted_client(answering(reply)).acknowledge_alarm(ALARM)

    assert "s3cr3t" not in caught.value.diagnostics() + str(caught.value.to_dict())


async def test_the_raw_method_neither_changes_nor_checks_anything() -> None:
    reply = AcknowledgeAlarmReply(hresult=E_FAIL)
    channel = answering(reply)
    request = AcknowledgeAlarmRequest(alarm_full_reference=r"\\odd")

    assert await scripted_client(channel).acknowledge_alarm_raw(request, timeout=3) == reply

    assert channel.sent == [("AcknowledgeAlarm", request, 3)]
