"""`stream-events`: what happens in a session, as it happens."""

from __future__ import annotations

import rich_click as click

from ..options import Invocation, examples, gateway_command, session_option
from ..streaming import Bounds, bounds_options, stream_to_end

__all__ = ["stream_events"]


@click.command(
    "stream-events",
    epilog=examples(
        "mxgw-py stream-events --session-id ID --max-events 10 --json",
        "mxgw-py stream-events --session-id ID --output jsonl --fields itemHandle,value",
        "mxgw-py stream-events --session-id ID --until itemHandle=3 --seconds 20 --json",
    ),
)
@gateway_command
@session_option
@bounds_options()
@click.option(
    "--after-worker-sequence",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Resume after this worker sequence; 0 for a fresh stream.",
)
def stream_events(
    invocation: Invocation, session_id: str, bounds: Bounds, after_worker_sequence: int
) -> None:
    """Show the events of a session until --max-events, --timeout or Ctrl-C.

    --output jsonl and csv write each event as it comes. --json collects them into one document,
    at most 10000 unless --max-events says otherwise. A timeout is an ordinary end.
    """
    from mxgateway.generated.mxaccess_gateway.v1 import StreamEventsRequest

    from ..output.events import EVENTS

    request = StreamEventsRequest(
        session_id=session_id, after_worker_sequence=after_worker_sequence
    )
    stream_to_end(invocation, EVENTS, bounds, lambda client: client.stream_events_raw(request))
