"""`smoke`: the whole way of a value, from opening a session to closing it, in one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from ..connection import DEFAULT_TIMEOUT
from ..options import Invocation, complete_tag, examples, gateway_command
from ..output.results import Fields, write_result

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import MxEvent

    from ..walk import Walk

__all__ = ["smoke"]


@click.command(
    "smoke",
    epilog=examples(
        "mxgw-py smoke --plaintext --item TestChildObject.TestInt",
        "mxgw-py smoke --profile plant-a --item TestChildObject.TestInt --json",
    ),
)
@gateway_command
@click.option(
    "--item",
    required=True,
    envvar="MXGATEWAY_TEST_ITEM",
    show_envvar=True,
    metavar="TAG",
    shell_complete=complete_tag,
    help="Reference to read, such as TestChildObject.TestInt.",
)
@click.option(
    "--max-events",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Events to wait for; at least one must come within --timeout.",
)
@click.option(
    "--client-name",
    default="mxgw-py-smoke",
    show_default=True,
    metavar="NAME",
    help="Name for the session and for MXAccess.",
)
def smoke(invocation: Invocation, item: str, max_events: int, client_name: str) -> None:
    """Open a session, register, add and advise an item, read events, and close it all again.

    The session is closed whatever happens.
    """
    import anyio

    from mxgateway.errors import DeadlineExceededError

    from ..deadline import seconds_left
    from ..run import run_with_client
    from ..walk import Walk

    seconds = invocation.connection.timeout or DEFAULT_TIMEOUT

    async def body(client: GatewayClient) -> tuple[Walk, list[MxEvent]]:
        events: list[MxEvent] = []
        async with Walk(client, client_name, [item]) as walk:
            async with walk.events() as stream:
                with anyio.move_on_after(seconds_left(seconds)):
                    async for event in stream:
                        events.append(event)
                        if len(events) == max_events:
                            break
            if not events:
                raise DeadlineExceededError(
                    f"no event of {item} came within {seconds:g} s "
                    f"(session {walk.session_id}, server handle {walk.server_handle})",
                    processed="yes",
                )
        return walk, events

    walk, events = run_with_client(invocation, body)
    document = _record(walk, events)
    write_result(invocation, document, lambda: _fields(item, document, walk, events))


def _record(walk: Walk, events: list[MxEvent]) -> dict[str, Any]:
    from mxgateway.codec import to_jsonable

    assert walk.last_reply is not None
    reply, last = to_jsonable(walk.last_reply), to_jsonable(events[-1])
    return {
        "language": "python",
        "operation": "smoke",
        "sessionId": walk.session_id,
        "serverHandle": walk.server_handle,
        "itemHandle": next(iter(walk.tags)),
        "eventCount": len(events),
        "eventFamily": last["family"],
        "workerSequence": last["workerSequence"],
        "protocolStatus": reply["protocolStatus"]["code"],
        "hresult": reply.get("hresult"),
        "statuses": reply["statuses"],
        "closeStatus": _close_status(walk),
    }


def _close_status(walk: Walk) -> str:
    from mxgateway.status import enum_name

    assert walk.final_state is not None
    return enum_name(walk.final_state, "SESSION_STATE_")


def _fields(item: str, document: dict[str, Any], walk: Walk, events: list[MxEvent]) -> Fields:
    from ..output.events import family_text, quality_cell
    from ..output.values import time_text, type_text, value_text

    last = events[-1]
    yield "Item", item
    yield "Session", walk.session_id
    yield "Server handle", str(document["serverHandle"])
    yield "Item handle", str(document["itemHandle"])
    yield "Events", str(len(events))
    yield "Last event", f"{family_text(last)}, worker sequence {last.worker_sequence}"
    yield "Value", value_text(last.value)
    yield "Type", type_text(last.value)
    yield "Quality", quality_cell(last.quality)
    yield "Source time", time_text(last.source_timestamp)
    yield "Advise", document["protocolStatus"].removeprefix("PROTOCOL_STATUS_CODE_")
    yield "Closed", document["closeStatus"].removeprefix("SESSION_STATE_")
