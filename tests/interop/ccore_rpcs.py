"""Sessions, commands and events of the grpcio gateway, and the script of its Ping.

A Ping does what the first word of its message says:

    hang            is never answered; it ends when the caller gives up
    meet N          is answered once N of them have come together
    echo TEXT       comes back whole in `diagnostic_message`
    crc TEXT        is answered with the CRC-32 of TEXT, in decimal, in `diagnostic_message`
    size N          is answered with N bytes of text in `diagnostic_message`
    abort N TEXT    ends with gRPC status N and TEXT as its message

Any other message comes back in `diagnostic_message`, as the gateway's own Ping does it.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google_messages import load_google_modules
from interop.ccore_commands import Commands, scope_of
from interop.observed import Observed
from interop.plant_sessions import FaultError, Session
from interop.refusals import InvalidError, RefusalError
from interop.scripted_plant import BusyError
from interop.statuses import INVALID_REFERENCE, status

if TYPE_CHECKING:
    from interop.ccore_gateway import CCoreGateway

__all__ = ["ECHO_INITIAL", "ECHO_TRAILING", "SessionRpcs"]

ECHO_INITIAL = "x-echo-initial"
"""Metadata whose name starts so comes back in the reply headers."""
ECHO_TRAILING = "x-echo-trailing"
"""Metadata whose name starts so comes back in the trailers."""


class SessionRpcs:
    """Four RPCs. Mixed into the servicer that grpcio's generator made."""

    def __init__(self, gateway: CCoreGateway) -> None:
        google = load_google_modules()
        self.gateway = gateway
        self._plant = gateway.plant
        self._commands = Commands(gateway.plant, gateway.alarms)
        self._pb = google.gateway_pb2
        self._status_pb = google.status_pb2
        self._pings: dict[str, Callable[[str, Any, Any, Observed], None]] = {
            "hang": self._hang,
            "meet": self._meet,
            "echo": self._echo_text,
            "crc": self._crc,
            "size": self._size,
            "abort": self._abort,
        }

    def OpenSession(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC
        with Observed(self.gateway.journal, "OpenSession", context) as observed:
            observed.require("session:open")
            _echo_metadata(context)
            live = [s for s in self._plant.sessions.values() if not s.closed]
            if len(live) >= self._plant.session_limit:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many sessions are open")
            session = self._plant.open()
            reply = self._pb.OpenSessionReply(
                session_id=session.session_id,
                backend_name="ccore-interop",
                worker_process_id=4242,
                worker_protocol_version=1,
                gateway_protocol_version=3,
                capabilities=["unary-invoke", "server-stream-events"],
                protocol_status=self._ok(),
            )
            if request.HasField("command_timeout"):
                reply.default_command_timeout.CopyFrom(request.command_timeout)
            else:
                reply.default_command_timeout.seconds = 30
            return reply

    def CloseSession(self, request: Any, context: Any) -> Any:  # noqa: N802
        with Observed(self.gateway.journal, "CloseSession", context) as observed:
            observed.require("session:close")
            session = self._session(request.session_id, context)
            self._plant.close(session)
            return self._pb.CloseSessionReply(
                session_id=session.session_id,
                final_state=f"SESSION_STATE_{session.state}",
                protocol_status=self._ok(),
            )

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        with Observed(self.gateway.journal, "Invoke", context) as observed:
            command = request.command
            try:
                observed.require(scope_of(command))
                session = self._session(request.session_id, context)
                self._require_ready(session, context)
                reply = self._pb.MxCommandReply(
                    session_id=session.session_id,
                    correlation_id=request.client_correlation_id or uuid.uuid4().hex,
                    kind=command.kind,
                    protocol_status=self._ok(),
                    hresult=0,
                )
                if command.kind == self._pb.MX_COMMAND_KIND_PING:
                    self._ping(command.ping.message, reply, context, observed)
                else:
                    self._commands.execute(session, command, reply)
            except InvalidError as invalid:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(invalid))
            except RefusalError as refusal:
                self._refuse(reply, refusal)
            return reply

    def StreamEvents(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with Observed(self.gateway.journal, "StreamEvents", context) as observed:
            observed.require("events:read")
            _echo_metadata(context)
            session = self._session(request.session_id, context)
            self._require_ready(session, context)
            try:
                yield from self._plant.follow(session, request.after_worker_sequence, observed)
            except BusyError:
                context.abort(
                    grpc.StatusCode.ALREADY_EXISTS,
                    f"session {session.session_id} has its event stream already",
                )
            except FaultError as fault:
                context.abort(grpc.StatusCode[fault.code], str(fault))

    def _ping(self, message: str, reply: Any, context: Any, observed: Observed) -> None:
        verb, _, argument = message.partition(" ")
        script = self._pings.get(verb)
        if script is None:
            reply.diagnostic_message = message
        else:
            script(argument, reply, context, observed)

    def _hang(self, _argument: str, _reply: Any, _context: Any, observed: Observed) -> None:
        observed.ended.wait()

    def _meet(self, argument: str, _reply: Any, _context: Any, observed: Observed) -> None:
        size = int(argument)
        changed = self._plant.changed
        with changed:
            mine = self._plant.meeting // size
            self._plant.meeting += 1
            changed.notify_all()
            changed.wait_for(lambda: self._plant.meeting // size > mine or observed.ended.is_set())

    def _echo_text(self, argument: str, reply: Any, _context: Any, _observed: Observed) -> None:
        reply.diagnostic_message = argument

    def _crc(self, argument: str, reply: Any, _context: Any, _observed: Observed) -> None:
        reply.diagnostic_message = str(zlib.crc32(argument.encode()))

    def _size(self, argument: str, reply: Any, _context: Any, _observed: Observed) -> None:
        reply.diagnostic_message = "0123456789abcdef" * (int(argument) // 16)
        reply.diagnostic_message += "x" * (int(argument) % 16)

    def _abort(self, argument: str, _reply: Any, context: Any, _observed: Observed) -> None:
        number, _, message = argument.partition(" ")
        code = next(code for code in grpc.StatusCode if code.value[0] == int(number))
        context.abort(code, message)

    def _require_ready(self, session: Session, context: Any) -> None:
        if session.state != "READY":
            because = f": {session.fault}" if session.fault else ""
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"session {session.session_id} is {session.state}{because}",
            )

    def _session(self, session_id: str, context: Any) -> Session:
        if not session_id:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "session_id is missing")
        session = self._plant.sessions.get(session_id)
        if session is None:
            # Non-ASCII text must survive the percent-encoding of grpc-message.
            message = f"session {session_id!r} not found, 100% sure: “Sitzung” fehlt"
            detail = AnyMessage()
            detail.Pack(
                self._pb.ProtocolStatus(
                    code=self._pb.PROTOCOL_STATUS_CODE_SESSION_NOT_FOUND, message=message
                )
            )
            status = self._status_pb.Status(
                code=grpc.StatusCode.NOT_FOUND.value[0], message=message, details=[detail]
            )
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()), ("x-reason", "expired"))
            )
            context.abort(grpc.StatusCode.NOT_FOUND, message)
        assert session is not None
        return session

    def _ok(self) -> Any:
        return self._pb.ProtocolStatus(code=self._pb.PROTOCOL_STATUS_CODE_OK, message="OK")

    def _refuse(self, reply: Any, refusal: RefusalError) -> None:
        reply.protocol_status.code = self._pb.PROTOCOL_STATUS_CODE_MXACCESS_FAILURE
        reply.protocol_status.message = str(refusal)
        reply.hresult = refusal.hresult
        reply.diagnostic_message = str(refusal)
        reply.statuses.append(
            status("CONFIGURATION_ERROR", "REQUESTING_LMX", INVALID_REFERENCE, str(refusal))
        )


def _echo_metadata(context: Any) -> None:
    received = [(entry.key, entry.value) for entry in context.invocation_metadata()]
    initial = [pair for pair in received if pair[0].startswith(ECHO_INITIAL)]
    if initial:
        context.send_initial_metadata(initial)
    context.set_trailing_metadata([pair for pair in received if pair[0].startswith(ECHO_TRAILING)])
