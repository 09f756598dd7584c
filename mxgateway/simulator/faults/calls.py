"""Faults of calls: late, held back, refused, damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grpclib.const import Status

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxCommandKind
from mxgateway.simulator.faults.registry import FaultBase
from mxgateway.simulator.gate import Hold, Refusal, Side
from mxgateway.simulator.status import E_FAIL

__all__ = ["CallFaults"]

_GARBAGE = b"\xff\xff\xff\xff"


class CallFaults(FaultBase):
    """What can go wrong with a call while its connection is sound.

    `method` is a name of the contract ("Invoke"), None for every unary method, or
    "*" for streams too. `times` is how many calls are struck; None for all until the
    fault is cleared. With `at="reply"` a command has been executed when the fault
    strikes, with `at="request"` it has not.
    """

    async def delay(
        self,
        seconds: float,
        *,
        method: str | None = None,
        at: Side = "reply",
        times: int | None = None,
    ) -> int:
        """Let calls take `seconds` longer; of a stream, every batch of messages.

        Returns:
            The id of the fault.
        """
        if not seconds > 0:
            raise ConfigurationError("delay: give seconds above 0")
        return self._set("delay", Hold(method, at, times, seconds=seconds), seconds=seconds)

    async def stall(
        self, *, method: str | None = "*", at: Side = "reply", times: int | None = None
    ) -> int:
        """Answer nothing more until the fault is cleared; PINGs are still answered.

        Returns:
            The id of the fault.
        """
        return self._set("stall", Hold(method, at, times, stalls=True))

    async def fail(
        self,
        status: str = "UNAVAILABLE",
        message: str = "a fault of the simulator",
        *,
        method: str | None = None,
        at: Side = "request",
        times: int | None = 1,
    ) -> int:
        """Answer calls with a gRPC status, by its name.

        Returns:
            The id of the fault.

        Raises:
            ConfigurationError: There is no such status.
        """
        if status not in Status.__members__ or status == "OK":
            raise ConfigurationError(f"fail: {status!r} is no failing gRPC status")
        hold = Hold(method, at, times, status=(Status[status], message))
        return self._set("fail", hold, status=status, message=message)

    async def corrupt_replies(
        self, *, method: str | None = None, data: bytes = _GARBAGE, times: int | None = 1
    ) -> int:
        """Send `data` in place of a reply, or before the next message of a stream.

        Frames and lengths stay right, the message is none.

        Returns:
            The id of the fault.
        """
        hold = Hold(method, "reply", times, damage=lambda _reply: data)
        return self._set("corrupt_replies", hold, bytes=len(data))

    async def corrupt_page_tokens(self, *, times: int | None = 1) -> int:
        """Give out page tokens that will be refused as corrupt (INVALID_ARGUMENT).

        Returns:
            The id of the fault.
        """

        def damage(reply: Any) -> Any:
            reply.next_page_token += "!"
            return reply

        hold = Hold(None, "reply", times, damage=damage)
        hold.wants = lambda reply: bool(getattr(reply, "next_page_token", ""))
        return self._set("corrupt_page_tokens", hold)

    async def revoke_key(self, key_id: str) -> int:
        """Revoke an API key: every new call with it is UNAUTHENTICATED, open streams go on.

        Returns:
            The id of the fault; clearing it makes the key good again.

        Raises:
            ConfigurationError: There is no such key, or it is revoked already.
        """
        ring = self._simulator.keys
        ring.revoke(key_id)

        async def undo() -> None:
            ring.restore(key_id)

        return self._begin(
            "revoke_key", {"key_id": key_id}, undo, forget=lambda: ring.restore(key_id)
        )

    async def refuse_commands(
        self,
        kind: str,
        *,
        hresult: int = E_FAIL,
        text: str = "a fault of the simulator",
        times: int | None = 1,
    ) -> int:
        """Let MXAccess refuse commands of a kind ("ADD_ITEM") with an HRESULT.

        Some that were seen: -2147024891 without a licence, -2147024882 out of memory,
        -2147023174 while the runtime is gone (MXAccess reference, section 1.3). A bulk
        command is refused as a whole.

        Returns:
            The id of the fault.

        Raises:
            ConfigurationError: There is no such kind, or the HRESULT is no failure.
        """
        if kind not in MxCommandKind.__members__ or kind == "UNSPECIFIED":
            raise ConfigurationError(f"refuse_commands: there is no command kind {kind!r}")
        if not -(1 << 31) <= hresult < 0:
            raise ConfigurationError(f"refuse_commands: an HRESULT of a failure, not {hresult}")

        if times is not None and times < 1:
            raise ConfigurationError("refuse_commands: times: give 1 or more, or None for no limit")
        refusals = self._simulator.gateway.gate.refusals
        refusal = Refusal(kind, hresult, text, times)

        async def undo() -> None:
            refusals.remove(refusal)

        arguments = {"kind": kind, "hresult": hresult, "text": text, "times": times}
        number = self._begin("refuse_commands", arguments, undo)

        def spent() -> None:
            refusals.remove(refusal)
            self._forget(number)

        refusal.spent = spent
        refusals.append(refusal)
        return number

    def _set(self, kind: str, hold: Hold, **arguments: Any) -> int:
        if hold.left is not None and hold.left < 1:
            raise ConfigurationError(f"{kind}: times: give 1 or more, or None for no limit")
        if hold.side not in ("request", "reply"):
            raise ConfigurationError(f'{kind}: at: give "request" or "reply", not {hold.side!r}')
        if hold.method != "*":
            self._check_method(kind, hold.method)
        gate = self._simulator.gateway.gate

        async def undo() -> None:
            gate.holds.remove(hold)
            hold.released.set()

        arguments |= {"method": hold.method, "at": hold.side, "times": hold.left}
        number = self._begin(kind, arguments, undo)
        if not hold.stalls:  # a stall lasts until it is cleared, even with nobody left to strike
            hold.spent = self._spend(gate.holds, hold, number)
        gate.holds.append(hold)
        return number

    def _spend(self, holds: list[Hold], hold: Hold, number: int) -> Callable[[], None]:
        def spent() -> None:
            holds.remove(hold)
            self._forget(number)

        return spent
