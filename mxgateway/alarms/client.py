"""AlarmMethods: active alarms, the alarm feed, acknowledging; part of GatewayClient."""

from __future__ import annotations

from typing import Final

from mxgateway.alarms.book import AlarmBook
from mxgateway.alarms.follower import AlarmFollower
from mxgateway.alarms.references import normalise_alarm_prefix, normalise_alarm_reference
from mxgateway.commands import check_protocol_status, new_correlation_id
from mxgateway.connecting import ChannelClient, check_request, seconds_or
from mxgateway.errors import MxAccessError
from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmReply,
    AcknowledgeAlarmRequest,
    ActiveAlarmSnapshot,
    AlarmFeedMessage,
    MxAccessGatewayStub,
    ProtocolStatusCode,
    QueryActiveAlarmsRequest,
    StreamAlarmsRequest,
)
from mxgateway.status import describe_hresult, describe_statuses, hresult_failed, is_failure
from mxgateway.transport.stream import MessageStream

__all__ = ["AlarmMethods"]

_SERVICE: Final = "/mxaccess_gateway.v1.MxAccessGateway"


class AlarmMethods(ChannelClient):
    """The alarm calls. They belong to no session: one monitor in the gateway serves them all.

    A gateway whose monitor is off answers FailedPreconditionError.
    """

    _stub: MxAccessGatewayStub

    def query_active_alarms(
        self,
        alarm_filter_prefix: str = "",
        *,
        correlation_id: str = "",
        timeout: float | None = None,
    ) -> MessageStream[ActiveAlarmSnapshot]:
        r"""Return the alarms that are active now, one message each; the stream ends by itself.

        The call starts with the first message that is asked for, or on entering the
        stream with `async with`.

        Args:
            alarm_filter_prefix: What the reference begins with ("Galaxy!Intake."); empty
                for all. `\\Galaxy\Intake` is understood as well.
            correlation_id: Sent along; empty for a new one.
            timeout: Seconds until the last message has been taken; default the options'
                `call_timeout`.

        Raises:
            ConfigurationError: The prefix is no text, or the timeout no positive number.
        """
        request = QueryActiveAlarmsRequest(
            client_correlation_id=correlation_id or new_correlation_id(),
            alarm_filter_prefix=normalise_alarm_prefix(alarm_filter_prefix),
        )
        return MessageStream(
            self._channel,
            f"{_SERVICE}/QueryActiveAlarms",
            request,
            ActiveAlarmSnapshot,
            timeout=seconds_or("timeout", timeout, self._options.call_timeout),
        )

    def stream_alarms(
        self,
        alarm_filter_prefix: str = "",
        *,
        correlation_id: str = "",
        timeout: float | None = None,
    ) -> MessageStream[AlarmFeedMessage]:
        """Return the alarm feed as it comes: the snapshot, then what happens.

        The order is one `active_alarm` for each alarm, `snapshot_complete`,
        `provider_status`, and from then on `transition`, with `provider_status` at each
        change of the source. An older gateway sends no `provider_status`: do not wait for
        it. A transition may repeat what the snapshot said. `AlarmBook` keeps account of
        all that, and `follow_alarms` puts both together.

        Leaving the block, the loop, or calling `aclose()` resets the call at once. A
        consumer that falls behind ends with ResourceExhaustedError.

        Args:
            alarm_filter_prefix: As for `query_active_alarms`.
            correlation_id: Sent along; empty for a new one.
            timeout: Seconds for the whole stream; default the options' `stream_timeout`.

        Raises:
            ConfigurationError: The prefix is no text, or the timeout no positive number.
        """
        request = StreamAlarmsRequest(
            client_correlation_id=correlation_id or new_correlation_id(),
            alarm_filter_prefix=normalise_alarm_prefix(alarm_filter_prefix),
        )
        return MessageStream(
            self._channel,
            f"{_SERVICE}/StreamAlarms",
            request,
            AlarmFeedMessage,
            timeout=seconds_or("timeout", timeout, self._options.stream_timeout),
        )

    def follow_alarms(
        self,
        alarm_filter_prefix: str = "",
        *,
        book: AlarmBook | None = None,
        correlation_id: str = "",
        timeout: float | None = None,
    ) -> AlarmFollower:
        """Return the alarm feed as changes of a book, which has the alarms that are active.

        Args:
            alarm_filter_prefix: As for `query_active_alarms`.
            book: The book of an earlier call with the same prefix: what has happened since
                is found out by comparing, also what has cleared. None for a new one, with
                the options' `max_alarms`.
            correlation_id: Sent along; empty for a new one.
            timeout: Seconds for the whole stream; default the options' `stream_timeout`.

        Raises:
            ConfigurationError: The prefix is no text, or the timeout no positive number.
        """
        stream = self.stream_alarms(
            alarm_filter_prefix, correlation_id=correlation_id, timeout=timeout
        )
        if book is None:
            book = AlarmBook(max_alarms=self._options.max_alarms)
        return AlarmFollower(stream, book)

    async def acknowledge_alarm(
        self,
        alarm_reference: str,
        comment: str = "",
        operator_user: str = "",
        *,
        correlation_id: str = "",
        timeout: float | None = None,
    ) -> AcknowledgeAlarmReply:
        r"""Acknowledge an alarm and return the reply once it is known to say success.

        Protocol status and HRESULT are checked; an HRESULT of 0 or none is success.

        Args:
            alarm_reference: `Provider!Group.Tag` or a GUID. `\\Provider\Group.Tag` is
                understood as well, also with one leading backslash; any other form is sent
                as it is, with a warning in the log.
            comment: The operator's remark.
            operator_user: Who acknowledges.
            correlation_id: Sent along; empty for a new one.
            timeout: Seconds for this call.

        Raises:
            MxAccessError: The acknowledgement failed, for example as there is no such
                alarm; the whole reply is on the error.
            MxGatewayCommandError: The gateway or the worker could not do it.
            FailedPreconditionError: It failed while the gateway makes alarms up from tags
                (provider mode SUBTAG), or the gateway's alarm monitor is off.
            InvalidArgumentError: The gateway does not understand the reference.
            MalformedReplyError: The reply has no protocol status.
            ConfigurationError: The reference is empty.
        """
        request = AcknowledgeAlarmRequest(
            client_correlation_id=correlation_id or new_correlation_id(),
            alarm_full_reference=normalise_alarm_reference(alarm_reference),
            comment=comment,
            operator_user=operator_user,
        )
        reply = await self.acknowledge_alarm_raw(request, timeout=timeout)
        return _checked(reply, f"AcknowledgeAlarm {alarm_reference}", self._options.api_key)

    async def acknowledge_alarm_raw(
        self, request: AcknowledgeAlarmRequest, *, timeout: float | None = None
    ) -> AcknowledgeAlarmReply:
        """Send an AcknowledgeAlarm request as it is and return the reply unchecked.

        Raises:
            ConfigurationError: It is no such message.
        """
        check_request(request, AcknowledgeAlarmRequest)
        return await self._unary(self._stub.acknowledge_alarm, request, timeout)


def _checked(reply: AcknowledgeAlarmReply, what: str, secret: str | None) -> AcknowledgeAlarmReply:
    status = reply.protocol_status
    refused = status is not None and status.code == ProtocolStatusCode.MXACCESS_FAILURE
    if not refused:
        check_protocol_status(status, reply, what, secret=secret)
    # The gateway leaves `status` empty; one that says failure is still believed.
    statuses = [] if reply.status is None else [reply.status]
    failing = [entry for entry in statuses if is_failure(entry)]
    if not (refused or failing or hresult_failed(reply.hresult)):
        return reply
    facts = []
    if reply.hresult is not None and hresult_failed(reply.hresult):
        facts.append(f"HRESULT {describe_hresult(reply.hresult)}")
    facts += [describe_statuses(failing), reply.diagnostic_message]
    facts.append("" if status is None or not refused else status.message)
    told = "; ".join(dict.fromkeys(fact for fact in facts if fact))
    raise MxAccessError(
        f"{what}: the alarm was not acknowledged: {told or 'no reason given'}",
        reply=reply,
        protocol_status=status,
        hresult=reply.hresult,
        statuses=statuses,
        secret=secret,
    )
