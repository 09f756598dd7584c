"""The galaxy itself: whether it can be reached, and when it was deployed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import rich_click as click

from ..exit_codes import ExitCode
from ..failures import tell_in_json
from ..method_options import TIME
from ..options import Invocation, examples, gateway_command
from ..output.results import write_result
from ..streaming import Bounds, bounds_options, stream_to_end

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.galaxy import DeployWatch
    from mxgateway.timestamp import Timestamp

__all__ = ["galaxy_last_deploy", "galaxy_test_connection", "galaxy_watch_deploys"]


@click.command("galaxy-test-connection", epilog=examples("mxgw-py galaxy-test-connection --json"))
@gateway_command
def galaxy_test_connection(invocation: Invocation) -> ExitCode:
    """Ask whether the gateway reaches the database of the galaxy; exit code 7 where it does not."""
    from ..run import run_with_client

    async def body(client: GatewayClient) -> bool:
        from mxgateway.galaxy import GalaxyRepositoryClient

        return await GalaxyRepositoryClient.on(client).test_connection()

    ok = run_with_client(invocation, body)
    answer = "reached" if ok else "not reached by the gateway"
    write_result(invocation, {"ok": ok}, lambda: [("Galaxy database", answer)])
    if ok:
        return ExitCode.OK
    facts = {
        "type": "GalaxyNotReached",
        "message": "the gateway does not reach the database of the galaxy",
    }
    return tell_in_json(invocation, ExitCode.GATEWAY, facts)


@click.command("galaxy-last-deploy", epilog=examples("mxgw-py galaxy-last-deploy --json"))
@gateway_command
def galaxy_last_deploy(invocation: Invocation) -> None:
    """Show when the galaxy was deployed last."""
    from mxgateway.codec import to_jsonable
    from mxgateway.generated.galaxy_repository.v1 import GetLastDeployTimeReply

    from ..output.values import time_text
    from ..run import run_with_client

    async def body(client: GatewayClient) -> Timestamp | None:
        from mxgateway.galaxy import GalaxyRepositoryClient

        return await GalaxyRepositoryClient.on(client).get_last_deploy_time()

    time = run_with_client(invocation, body)
    reply = GetLastDeployTimeReply(present=time is not None, time_of_last_deploy=time)
    shown = "never" if time is None else time_text(time)
    write_result(invocation, to_jsonable(reply), lambda: [("Last deploy (UTC)", shown)])


@click.command(
    "galaxy-watch-deploys",
    epilog=examples(
        "mxgw-py galaxy-watch-deploys --max-events 1 --json",
        "mxgw-py galaxy-watch-deploys --output jsonl",
    ),
)
@gateway_command
@bounds_options()
@click.option(
    "--last-seen-deploy-time",
    type=TIME,
    metavar="TIME",
    help="Deploy that is known already; the present state is then shown only if it is newer.",
)
def galaxy_watch_deploys(
    invocation: Invocation, bounds: Bounds, last_seen_deploy_time: datetime | None
) -> None:
    """Show the present deploy of the galaxy, then each new one, until a bound or Ctrl-C.

    A gap in the sequence is told on stderr. A timeout is an ordinary end.
    """
    from ..output.galaxy_rows import DEPLOYS

    def watch(client: GatewayClient) -> DeployWatch:
        from mxgateway.galaxy import GalaxyRepositoryClient

        return GalaxyRepositoryClient.on(client).watch_deploy_events(last_seen_deploy_time)

    stream_to_end(invocation, DEPLOYS, bounds, watch)
