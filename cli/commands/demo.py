"""`demo`: values moving on the screen, with nothing installed but this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import rich_click as click

from ..environment import Environment
from ..numbers import FiniteRange
from ..options import Invocation, examples, people_command

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.simulator import ThreadedSimulator

    from ..output.board import Board
    from ..walk import Walk

__all__ = ["DEMO_TAGS", "demo", "show"]

DEMO_TAGS: Final = (
    "Pump_001.Running",
    "Pump_001.Speed",
    "Pump_001.ModeText",
    "Pump_001.RunHours",
    "Tank_001.Level",
    "Tank_001.Volume",
    "Tank_001.Temp",
    "Reactor_001.Pressure",
    "Reactor_001.State",
    "Line_001.Produced",
    "TestChildObject.TestInt",
    "SimProbe_001.AlwaysBad",
)
_SCAN_SECONDS: Final = 0.5
_LATE_SECONDS: Final = 10.0


@click.command("demo", epilog=examples("mxgw-py demo", "mxgw-py demo --seconds 60"))
@people_command
@click.option(
    "--seconds",
    type=FiniteRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="N",
    help="How long to show values.",
)
def demo(invocation: Invocation, seconds: float) -> None:
    """Show values of a simulated plant, read through this client from a gateway in this process.

    Needs no gateway and no network: simulator and client talk over the loopback address.
    """
    from mxgateway.simulator import ThreadedSimulator

    with ThreadedSimulator(interval=_SCAN_SECONDS) as simulator:
        show(invocation, simulator, seconds)


def show(invocation: Invocation, simulator: ThreadedSimulator, seconds: float) -> None:
    """Show values of a simulator that runs already, for so many seconds from the first one."""
    from ..connection import Connection
    from ..run import run_with_client

    environment = invocation.environment
    environment.connection = Connection(
        endpoint=simulator.endpoint,
        plaintext=True,
        api_key=simulator.api_key,
        auth_source="the simulator's own API key",
    )
    environment.show(f"Simulated gateway on {simulator.endpoint}, plaintext HTTP/2")

    async def body(client: GatewayClient) -> None:
        await _watch(environment, client, seconds)

    run_with_client(invocation, body)
    environment.show(
        "",
        "Next: mxgw-py simulate   keeps such a gateway running",
        "      mxgw-py --help     lists what can be done with a gateway",
    )


async def _watch(environment: Environment, client: GatewayClient, seconds: float) -> None:
    from mxgateway.status import enum_name

    from ..output.board import board_for
    from ..walk import Walk

    async with Walk(client, "mxgw-py-demo", DEMO_TAGS) as walk:
        environment.show(f"Session {walk.session_id} opened")
        environment.show(f"Registered: server handle {walk.server_handle}")
        environment.show(f"Added and advised {len(walk.tags)} items", "")
        with board_for(environment, DEMO_TAGS) as board:
            count = await _show(walk, board, seconds)
        environment.show("", f"{count} events in {seconds:g} s")
    assert walk.final_state is not None
    environment.show(f"Session closed: {enum_name(walk.final_state)}")


async def _show(walk: Walk, board: Board, seconds: float) -> int:
    """Show events for `seconds`, counted from the first one; return how many came."""
    import anyio

    from mxgateway.errors import DeadlineExceededError

    count = 0
    async with walk.events() as stream:
        with anyio.move_on_after(_LATE_SECONDS) as scope:
            async for event in stream:
                if count == 0:
                    scope.deadline = anyio.current_time() + seconds
                count += 1
                tag = walk.tags.get(event.item_handle)
                if tag is not None:
                    board.take(tag, event)
    if count == 0:
        raise DeadlineExceededError(f"no event came within {_LATE_SECONDS:g} s")
    return count
