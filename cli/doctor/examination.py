"""The whole examination of a gateway, one check after another, without writing to the plant."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import Any, Final

import anyio

from mxgateway._version import GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION
from mxgateway.client import GatewayClient
from mxgateway.errors import MxGatewayError, PermissionDeniedError, UnimplementedError
from mxgateway.galaxy import GalaxyRepositoryClient
from mxgateway.generated.mxaccess_gateway.v1 import (
    DrainEventsCommand,
    MxEvent,
    OpenSessionReply,
    PingCommand,
)
from mxgateway.options import ClientOptions
from mxgateway.status import Quality, QualityLevel, describe_status, is_ok

from ..calls import invoke
from ..exit_codes import ExitCode
from ..walk import Walk
from .findings import Report
from .network import check_network, check_tls
from .newer import unknown_parts

__all__ = ["examine"]

_PINGS: Final = 5
_CLOCK_SECONDS: Final = 5.0
_CLIENT_NAME: Final = "mxgw-py-doctor"


async def examine(options: ClientOptions, item: str | None, seconds: float) -> Report:
    """Examine the gateway that the options describe.

    Args:
        item: A tag whose first event is waited for; without it no event is.
        seconds: How long to wait for that event.
    """
    report = Report()
    if not await check_network(report, options):
        return report
    await check_tls(report, options)
    started = time.perf_counter()
    try:
        client = await GatewayClient.connect(options=options)
    except MxGatewayError as error:
        report.error("connection", error)
        return report
    milliseconds = _ms(started)
    async with client:
        report.ok("connection", f"HTTP/2 is ready after {milliseconds:.1f} ms", ms=milliseconds)
        await _Examination(report, client, item, seconds).run()
    return report


class _Examination:
    def __init__(
        self, report: Report, client: GatewayClient, item: str | None, seconds: float
    ) -> None:
        self._report = report
        self._client = client
        self._item = item
        self._seconds = seconds
        self._replies: list[Any] = []

    async def run(self) -> None:
        if not await self._session():
            return
        await self._galaxy()
        self._report.skipped(
            "scope write",
            "invoke:write and invoke:secure were not tried: doctor never writes",
        )
        self._tell_newer()

    async def _session(self) -> bool:
        """Examine a session; return whether the key got as far as that."""
        walk = Walk(self._client, _CLIENT_NAME, [self._item] if self._item else [])
        started = time.perf_counter()
        try:
            async with walk:
                opened = _ms(started)
                self._tell_session(walk, opened)
                await self._ping(walk.session_id)
                await self._events(walk)
        except MxGatewayError as error:
            self._report.error("session", error)
        return bool(walk.session_id)

    def _tell_session(self, walk: Walk, milliseconds: float) -> None:
        self._report.ok(
            "session",
            f"opened and registered within {milliseconds:.1f} ms; the API key is accepted",
            ms=milliseconds,
        )
        reply = walk.open_reply
        assert reply is not None
        self._replies.append(reply)
        self._tell_versions(reply)

    def _tell_versions(self, reply: OpenSessionReply) -> None:
        told = (reply.gateway_protocol_version, reply.worker_protocol_version)
        known = (GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION)
        text = f"gateway protocol {told[0]}, worker protocol {told[1]}"
        if told == known:
            self._report.ok("versions", text, gateway=told[0], worker=told[1])
            return
        self._report.warning(
            "versions",
            f"{text}; this client was made for {known[0]} and {known[1]}",
            "Use a client of the gateway's version where something does not fit.",
            gateway=told[0],
            worker=told[1],
        )

    async def _ping(self, session_id: str) -> None:
        times = []
        try:
            for _ in range(_PINGS):
                started = time.perf_counter()
                self._replies.append(
                    await invoke(self._client, session_id, PingCommand(message="doctor"))
                )
                times.append(_ms(started))
        except PermissionDeniedError as error:
            self._missing_scope("round trip", error)
            return
        except UnimplementedError as error:
            self._report.skipped("round trip", error.message)
            return
        middle = statistics.median(times)
        self._report.ok(
            "round trip",
            f"{middle:.1f} ms in the middle of {_PINGS} pings, {max(times):.1f} ms at most",
            medianMs=middle,
            maxMs=max(times),
        )

    async def _events(self, walk: Walk) -> None:
        try:
            if self._item is not None:
                await self._first_event(walk, self._item)
                return
            drain = DrainEventsCommand(max_events=1)
            self._replies.append(await invoke(self._client, walk.session_id, drain))
        except PermissionDeniedError as error:
            self._missing_scope("events", error)
            return
        except UnimplementedError as error:
            self._report.skipped("events", error.message)
            return
        self._report.skipped(
            "events", "the key may read events; none was waited for", "Give --item TAG."
        )

    async def _first_event(self, walk: Walk, item: str) -> None:
        started = time.perf_counter()
        event: MxEvent | None = None
        async with walk.events() as stream:
            with anyio.move_on_after(self._seconds):
                event = await anext(aiter(stream), None)
        if event is None:
            self._report.failed(
                "events",
                f"no event of {item} came within {self._seconds:g} s",
                "Check the name of the tag and whether its object is deployed and on scan.",
                ExitCode.DEADLINE,
            )
            return
        self._replies.append(event)
        milliseconds = _ms(started)
        quality = Quality.of(event.quality)
        text = f"first event of {item} {milliseconds:.1f} ms after advise, quality {quality}"
        failing = [describe_status(status) for status in event.statuses if not is_ok(status)]
        if failing:
            # Most often a reference that nothing answers to.
            self._report.warning(
                "events",
                f"{text}: {'; '.join(failing)}",
                "The way works; check the name of the tag, and whether its object is deployed.",
                ms=milliseconds,
                quality=event.quality,
            )
        elif quality.level is QualityLevel.GOOD:
            self._report.ok("events", text, ms=milliseconds, quality=event.quality)
        else:
            self._report.warning(
                "events",
                text,
                "The way works; look at the object and its I/O in System Platform.",
                ms=milliseconds,
                quality=event.quality,
            )
        self._tell_clocks(event)

    def _tell_clocks(self, event: MxEvent) -> None:
        theirs = event.gateway_receive_timestamp or event.worker_timestamp
        if theirs is None:
            return
        ahead = (theirs - datetime.now(UTC)).total_seconds()
        if abs(ahead) < _CLOCK_SECONDS:
            self._report.ok("clock", f"within {_CLOCK_SECONDS:g} s of the gateway's")
            return
        self._report.warning(
            "clock",
            f"the gateway's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} "
            "this machine's",
            "Set both by the same time server, else times of events mislead.",
            seconds=round(ahead),
        )

    async def _galaxy(self) -> None:
        galaxy = GalaxyRepositoryClient.on(self._client)
        try:
            reached = await galaxy.test_connection()
            deployed = await galaxy.get_last_deploy_time() if reached else None
        except PermissionDeniedError as error:
            self._missing_scope("galaxy", error)
            return
        except UnimplementedError as error:
            self._report.skipped("galaxy", error.message)
            return
        except MxGatewayError as error:
            self._report.warning("galaxy", error.message, error.hint)
            return
        if not reached:
            self._report.warning(
                "galaxy",
                "the gateway does not reach the database of the galaxy",
                "Reading and writing work; for browsing, check the gateway's database settings.",
            )
            return
        text = "never deployed" if deployed is None else f"last deployed {deployed}"
        self._report.ok("galaxy", f"the database answers; {text}")

    def _missing_scope(self, check: str, error: MxGatewayError) -> None:
        self._report.warning(
            check, error.message, "Ask for a key with this scope, where you need it."
        )

    def _tell_newer(self) -> None:
        unknown = sorted({part for reply in self._replies for part in unknown_parts(reply)})
        if not unknown:
            self._report.ok("contract", f"{len(self._replies)} replies hold nothing unknown")
            return
        self._report.warning(
            "contract",
            f"the gateway sends what this client does not know: {', '.join(unknown)}",
            "It is kept and passed on; a newer client shows it by name.",
            unknown=unknown,
        )


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
