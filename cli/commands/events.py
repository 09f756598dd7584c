"""`stream-events`: what happens in a session, as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from ..options import Invocation, gateway_command, session_option
from ..output.events import MOST_COLLECTED, sink_for
from ..signals import Interrupted

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["stream_events"]


@click.command("stream-events")
@gateway_command
@session_option
@click.option(
    "--max-events", type=click.IntRange(min=1), metavar="N", help="End after so many events."
)
@click.option(
    "--after-worker-sequence",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Resume after this worker sequence; 0 for a fresh stream.",
)
def stream_events(
    invocation: Invocation, session_id: str, max_events: int | None, after_worker_sequence: int
) -> None:
    """Show the events of a session until --max-events, --timeout or Ctrl-C.

    --output jsonl writes each event as it comes. --json collects them into one document, at
    most 10000 unless --max-events says otherwise. A timeout is an ordinary end.
    """
    import anyio

    from mxgateway.generated.mxaccess_gateway.v1 import StreamEventsRequest

    from ..run import run_with_client

    environment, connection = invocation.environment, invocation.connection
    sink = sink_for(environment, invocation.format)
    most = sink.limit if max_events is None else max_events
    request = StreamEventsRequest(
        session_id=session_id, after_worker_sequence=after_worker_sequence
    )

    async def body(client: GatewayClient) -> None:
        with anyio.move_on_after(connection.timeout):
            async with client.stream_events_raw(request) as stream:
                async for event in stream:
                    sink.take(event)
                    if sink.count == most:
                        return

    try:
        run_with_client(connection, body)
    except Interrupted:
        sink.finish()
        raise
    except Exception:
        # What did arrive is still worth having; the error follows on stderr.
        if sink.count:
            sink.finish()
        raise
    sink.finish()
    if max_events is None and sink.count == MOST_COLLECTED == sink.limit:
        environment.say(
            f"Stopped after {MOST_COLLECTED} events, the most that one document takes; "
            "--output jsonl has no limit, --max-events sets another."
        )
