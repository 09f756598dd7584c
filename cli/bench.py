"""What both benchmarks have in common: their plan, what they count, and how they report it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from mxgateway.errors import MxGatewayError

from .exit_codes import ExitCode, exit_code_for
from .failures import tell_failed_row, tell_in_json
from .options import Invocation
from .output.results import Fields, write_result

if TYPE_CHECKING:
    from mxgateway.session import Session

__all__ = [
    "Plan",
    "Tally",
    "latency_document",
    "report",
    "subscribe",
    "tags_of_pattern",
    "take_down",
]

_TAKE_DOWN_SECONDS: Final = 5.0
_MARGIN_SECONDS: Final = 30.0
_PLACE: Final = re.compile(r"#+")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        tags: The tags to read or to subscribe, in each session.
        duration: Seconds that are measured.
        warmup: Seconds before, which are not.
    """

    tags: Sequence[str]
    duration: float
    warmup: float

    def budget(self, preparation: float = 0.0) -> float:
        """Return the seconds after which a run has gone wrong, whatever still waits.

        Args:
            preparation: Seconds that starting may take on top.
        """
        return self.warmup + self.duration + preparation + _MARGIN_SECONDS


@dataclass(slots=True)
class Tally:
    """What has happened so far; filled while the benchmark runs, so that Ctrl-C loses nothing.

    Attributes:
        succeeded: Calls or events that count.
        failed_calls: Calls that failed.
        results: Single results in the calls that did not.
        failed_results: Those of them that are no value.
        cached: Results that came from the worker's cache.
        latencies: Milliseconds of each that succeeded.
        failures: Messages of what failed, with how often.
        first_error: The first failure of a call.
        cleanup_errors: What went wrong while taking down.
        facts: More numbers of this benchmark.
    """

    succeeded: int = 0
    failed_calls: int = 0
    results: int = 0
    failed_results: int = 0
    cached: int = 0
    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    first_error: MxGatewayError | None = None
    cleanup_errors: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    _started: float | None = None
    _seconds: float = 0.0

    @property
    def failed(self) -> int:
        """How often something failed, calls or other."""
        return self.failures.total()

    @property
    def seconds(self) -> float:
        """Measured seconds; those until now while it runs."""
        return self._seconds if self._started is None else time.perf_counter() - self._started

    @property
    def running(self) -> bool:
        """Whether it is being measured now."""
        return self._started is not None

    def start(self) -> None:
        """Begin to measure."""
        self._started = time.perf_counter()

    def stop(self) -> None:
        """End measuring; harmless when it has not begun or has ended."""
        self._seconds, self._started = self.seconds, None

    def fail(self, error: MxGatewayError, what: str = "") -> None:
        """Count a failure: of a call, or of `what` else."""
        self.first_error = self.first_error or error
        self.failed_calls += not what
        text = f"{type(error).__name__}: {error.message}"
        self.failures[f"{what}: {text}" if what else text] += 1

    def code(self) -> ExitCode:
        """Return the exit code: that of the error where nothing worked, PARTIAL where some did."""
        if self.failed:
            if self.succeeded or self.first_error is None:
                return ExitCode.PARTIAL
            return exit_code_for(self.first_error)
        return ExitCode.PARTIAL if self.cleanup_errors else ExitCode.OK


def tags_of_pattern(pattern: str, count: int) -> list[str]:
    """Return `count` tags, a run of # replaced by 1, 2, ... with as many digits.

    Raises:
        UsageError: There is no # although more than one tag is wanted, or there are two runs.
    """
    places = _PLACE.findall(pattern)
    if len(places) > 1 or (not places and count > 1):
        raise click.UsageError(
            f"--tag-pattern {pattern!r}: give one run of # where the number of the tag stands, "
            "such as TestMachine_###.TestChangingInt"
        )
    if not places:
        return [pattern]
    digits = len(places[0])
    return [pattern.replace(places[0], f"{n:0{digits}}") for n in range(1, count + 1)]


async def take_down(
    tally: Tally, session: Session, server_handle: int | None, items: Sequence[int]
) -> None:
    """Un-subscribe, unregister and close, within 5 s also after Ctrl-C; note what went wrong."""
    import anyio

    with anyio.move_on_after(_TAKE_DOWN_SECONDS, shield=True) as scope:
        try:
            if server_handle is not None:
                if items:
                    for result in await session.unsubscribe_bulk(server_handle, items):
                        if not result.was_successful:
                            tally.cleanup_errors.append(
                                f"item {result.item_handle}: {result.error_message or 'not ended'}"
                            )
                await session.unregister(server_handle)
        except MxGatewayError as error:
            # Closing the session frees everything else, so go on to that.
            tally.cleanup_errors.append(f"{type(error).__name__}: {error.message}")
        try:
            await session.close()
        except MxGatewayError as error:
            tally.cleanup_errors.append(f"{type(error).__name__}: {error.message}")
    if scope.cancelled_caught:
        tally.cleanup_errors.append(
            f"session {session.session_id} was not closed within {_TAKE_DOWN_SECONDS:g} s"
        )


async def subscribe(session: Session, tally: Tally, tags: Sequence[str]) -> tuple[int, list[int]]:
    """Register and subscribe; return the server handle and the items that could be advised."""
    server = await session.register("mxgw-py-bench")
    items = []
    for tag, result in zip(tags, await session.subscribe_bulk(server, tags), strict=True):
        if result.was_successful:
            items.append(result.item_handle)
        else:
            tally.failures[f"subscribe {tag}: {result.error_message or 'refused'}"] += 1
    return server, items


def latency_document(latencies: Sequence[float]) -> dict[str, float]:
    """Return the percentiles of latencies in ms, interpolated linearly between ranks."""
    ranked = sorted(latencies)
    return {
        "p50": _percentile(ranked, 0.50),
        "p95": _percentile(ranked, 0.95),
        "p99": _percentile(ranked, 0.99),
        "max": round(ranked[-1], 3) if ranked else 0.0,
        "mean": round(sum(ranked) / len(ranked), 3) if ranked else 0.0,
    }


def _percentile(ranked: Sequence[float], part: float) -> float:
    if not ranked:
        return 0.0
    place = (len(ranked) - 1) * part
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return round(ranked[low] + (ranked[high] - ranked[low]) * (place - low), 3)


def report(
    invocation: Invocation, tally: Tally, document: dict[str, Any], *, interrupted: bool
) -> ExitCode:
    """Write the record of a run, complete or interrupted, and tell on stderr what went wrong."""
    document |= {
        "language": "python",
        "durationMs": round(tally.seconds * 1000),
        "latencyMs": latency_document(tally.latencies),
        "failures": [{"message": m, "count": n} for m, n in sorted(tally.failures.items())],
        "cleanupErrors": tally.cleanup_errors,
        "interrupted": interrupted,
    }
    write_result(invocation, document, lambda: _fields(document))
    environment = invocation.environment
    if not environment.json_errors:
        for message, count in sorted(tally.failures.items()):
            environment.say(f"Failed {count} times: {message}")
        for message in tally.cleanup_errors:
            environment.say(f"Clean-up failed: {message}")
    if tally.failed_results:
        environment.note(
            f"{tally.failed_results} of {tally.results} results were no value; check --tag-pattern."
        )
    code = tally.code()
    if interrupted or code is ExitCode.OK:
        return code
    if code is not ExitCode.PARTIAL and tally.first_error is not None:
        return tell_failed_row(invocation, tally.first_error)
    reasons = [*sorted(tally.failures), *(f"clean-up: {m}" for m in tally.cleanup_errors)]
    facts = {
        "type": "PartialFailure",
        "message": reasons[0],
        "failed": tally.failed + len(tally.cleanup_errors),
    }
    return tell_in_json(invocation, code, facts)


def _fields(document: dict[str, Any]) -> Fields:
    for name, value in document.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield _words(name), f"{value:g}" if isinstance(value, float) else str(value)
    for name, number in document["latencyMs"].items():
        yield f"Latency {name}", f"{number:g} ms"


def _words(name: str) -> str:
    text = re.sub(r"([A-Z])", lambda m: f" {m[1].lower()}", name)
    return (text[:1].upper() + text[1:]).replace(" ms", " (ms)")
