"""`bench-read-bulk` and `bench-stream-events`: how fast a gateway answers and delivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from ..exit_codes import ExitCode
from ..numbers import FiniteRange
from ..options import Decorator, Invocation, examples, gateway_command
from ..signals import Interrupted

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

    from ..bench import Tally

__all__ = ["bench_read_bulk", "bench_stream_events"]

_bulk_size: Decorator = click.option(
    "--bulk-size",
    type=click.IntRange(1, 1000),
    default=6,
    show_default=True,
    metavar="N",
    help="Tags of one session.",
)
_duration: Decorator = click.option(
    "--duration-seconds",
    type=FiniteRange(min=0, min_open=True, max=86_400),
    default=30.0,
    show_default=True,
    metavar="N",
    help="How long to measure.",
)
_warmup: Decorator = click.option(
    "--warmup-seconds",
    type=FiniteRange(min=0, max=86_400),
    default=3.0,
    show_default=True,
    metavar="N",
    help="How long to run before that.",
)
_pattern: Decorator = click.option(
    "--tag-pattern",
    default="TestMachine_###.TestChangingInt",
    show_default=True,
    metavar="TEXT",
    help="The tags; # stands for a digit of their number, from 1.",
)


@click.command(
    "bench-read-bulk",
    epilog=examples(
        "mxgw-py bench-read-bulk --bulk-size 6 --duration-seconds 30 --json",
        "mxgw-py bench-read-bulk --tag-pattern 'Tank_###.Level' --bulk-size 2",
    ),
)
@gateway_command
@_bulk_size
@_duration
@_warmup
@_pattern
def bench_read_bulk(
    invocation: Invocation,
    bulk_size: int,
    duration_seconds: float,
    warmup_seconds: float,
    tag_pattern: str,
) -> ExitCode:
    """Measure bulk reads: one session, advised tags, one call after another.

    --timeout is that of each call. Ctrl-C ends it with the record of what was measured. The exit
    code is 8 where some calls or the clean-up failed.
    """
    from ..bench import Plan, Tally, report, tags_of_pattern
    from ..run import run_with_client

    plan = Plan(tags_of_pattern(tag_pattern, bulk_size), duration_seconds, warmup_seconds)
    tally = Tally()

    async def body(client: GatewayClient) -> None:
        from ..bench_runs import measure_reads

        await measure_reads(client, plan, tally)

    try:
        run_with_client(invocation, body, until_stopped=True)
    except Interrupted:
        report(invocation, tally, _reads(tally, bulk_size), interrupted=True)
        raise
    return report(invocation, tally, _reads(tally, bulk_size), interrupted=False)


def _reads(tally: Tally, bulk_size: int) -> dict[str, Any]:
    seconds = tally.seconds
    total = tally.succeeded + tally.failed_calls
    return {
        "bulkSize": bulk_size,
        "totalCalls": total,
        "successfulCalls": tally.succeeded,
        "failedCalls": tally.failed_calls,
        "totalReadResults": tally.results,
        "cachedReadResults": tally.cached,
        "failedReadResults": tally.failed_results,
        "callsPerSecond": round(total / seconds, 3) if seconds else 0.0,
    }


@click.command(
    "bench-stream-events",
    epilog=examples(
        "mxgw-py bench-stream-events --sessions 4 --duration-seconds 30 --json",
        "mxgw-py bench-stream-events --tag-pattern 'Tank_###.Level' --bulk-size 2",
    ),
)
@gateway_command
@click.option(
    "--sessions",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Sessions with a stream each.",
)
@click.option(
    "--stagger-ms",
    type=click.IntRange(0, 600_000),
    default=750,
    show_default=True,
    metavar="N",
    help="Time between the starts of two sessions.",
)
@_bulk_size
@_duration
@_warmup
@_pattern
def bench_stream_events(
    invocation: Invocation,
    sessions: int,
    stagger_ms: int,
    bulk_size: int,
    duration_seconds: float,
    warmup_seconds: float,
    tag_pattern: str,
) -> ExitCode:
    """Measure event streams: events a second over all sessions, and how old they are.

    The latency runs from the worker's time to this computer's, so the two clocks must agree.
    Afterwards every session is asked whether it was faulted. Ctrl-C ends it with the record of
    what was measured; the exit code is 8 where something failed.
    """
    from ..bench import Plan, Tally, report, tags_of_pattern
    from ..run import run_with_client

    plan = Plan(tags_of_pattern(tag_pattern, bulk_size), duration_seconds, warmup_seconds)
    tally = Tally(facts={"faultedSessions": 0, "remainingEvents": 0})

    async def body(client: GatewayClient) -> None:
        from ..bench_runs import measure_events

        await measure_events(client, plan, tally, sessions, stagger_ms / 1000)

    def document() -> dict[str, Any]:
        seconds = tally.seconds
        return {
            "sessions": sessions,
            "bulkSize": bulk_size,
            "totalEvents": tally.succeeded,
            "eventsPerSecond": round(tally.succeeded / seconds, 3) if seconds else 0.0,
            **tally.facts,
        }

    try:
        run_with_client(invocation, body, until_stopped=True)
    except Interrupted:
        report(invocation, tally, document(), interrupted=True)
        raise
    return report(invocation, tally, document(), interrupted=False)
