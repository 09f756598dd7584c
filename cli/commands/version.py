"""`version`: the versions of the client and of the protocols it speaks."""

from __future__ import annotations

import rich_click as click

from mxgateway._version import (
    GATEWAY_PROTOCOL_VERSION,
    WORKER_PROTOCOL_VERSION,
    __version__,
)

from ..options import Invocation, examples, local_command
from ..output.results import write_result

__all__ = ["version"]


@click.command("version", epilog=examples("mxgw-py version", "mxgw-py version --json"))
@local_command
def version(invocation: Invocation) -> None:
    """Show the versions of the client and of the protocols it speaks."""
    document = {
        "clientVersion": __version__,
        "gatewayProtocolVersion": GATEWAY_PROTOCOL_VERSION,
        "workerProtocolVersion": WORKER_PROTOCOL_VERSION,
    }
    write_result(
        invocation,
        document,
        lambda: [
            ("Client", f"mxgateway {document['clientVersion']}"),
            ("Gateway protocol", str(GATEWAY_PROTOCOL_VERSION)),
            ("Worker protocol", str(WORKER_PROTOCOL_VERSION)),
        ],
    )
