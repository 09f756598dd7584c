"""`simulate`: a gateway over a simulated plant, for trying and testing without System Platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from ..options import Invocation, examples, local_command
from ..output.results import write_result, write_text
from ..signals import Interrupted

if TYPE_CHECKING:
    from mxgateway.simulator import Simulator

__all__ = ["simulate"]

_SHOWN_TAGS = 8


@click.command(
    "simulate",
    epilog=examples(
        "mxgw-py simulate",
        "mxgw-py simulate --port 0 --seed 7 --output jsonl",
        "mxgw-py simulate --tls-cert server.pem --tls-key server-key.pem",
    ),
)
@local_command
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 lets other computers in.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=5000,
    show_default=True,
    metavar="N",
    help="Port to listen on; 0 for a free one.",
)
@click.option("--seed", type=int, metavar="N", help="Makes values and ids the same with every run.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two scans of the plant.",
)
@click.option(
    "--tls-cert", metavar="PEM", help="Certificate of the server; TLS instead of plaintext."
)
@click.option("--tls-key", metavar="PEM", help="Private key that belongs to --tls-cert.")
def simulate(
    invocation: Invocation,
    host: str,
    port: int,
    seed: int | None,
    interval: float,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Run a simulated gateway until Ctrl-C.

    Its keys are public: they open nothing but a simulator.
    """
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together; give both or none")
    from ..logs import shown_log
    from ..run import run_async

    environment = invocation.environment

    async def serve() -> None:
        import anyio

        from mxgateway.errors import ConfigurationError
        from mxgateway.simulator import Simulator, TlsFiles

        simulator = Simulator(
            host=host,
            port=port,
            seed=seed,
            interval=interval,
            tls=None if tls_cert is None or tls_key is None else TlsFiles(tls_cert, tls_key),
        )
        try:
            await simulator.start()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host} port {port}: {error.strerror or error}; "
                "choose another --port, or 0 for a free one"
            ) from error
        try:
            _announce(invocation, simulator)
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await simulator.stop()

    try:
        with shown_log(environment):
            run_async(serve)
    except Interrupted:
        # Being told to stop is how a server ends, so this is success.
        environment.note("Stopped.")


def _announce(invocation: Invocation, simulator: Simulator) -> None:
    tags = [tag.reference for tag in simulator.plant]
    facts: dict[str, Any] = {
        "endpoint": simulator.endpoint,
        "plaintext": simulator.plaintext,
        "caFile": simulator.ca_file,
        "apiKey": simulator.api_key,
        "readOnlyApiKey": simulator.read_only_key,
        "tags": tags,
    }
    security = "--plaintext" if simulator.plaintext else f"--tls --ca-file {simulator.ca_file}"
    shown = [*tags[:_SHOWN_TAGS], f"and {len(tags) - _SHOWN_TAGS} more"]
    record = [
        ("Endpoint", f"{simulator.endpoint} ({'plaintext' if simulator.plaintext else 'TLS'})"),
        ("API key", f"{simulator.api_key} (all scopes)"),
        ("", f"{simulator.read_only_key} (read only)"),
        *(("Tags" if n == 0 else "", tag) for n, tag in enumerate(shown)),
    ]
    write_result(invocation, facts, lambda: record)
    write_text(
        invocation,
        "\nIn another terminal:\n"
        f"  mxgw-py smoke --endpoint {simulator.endpoint} {security} "
        f"--api-key {simulator.api_key} --item {tags[0]}\n"
        "\nCtrl-C stops it.\n",
    )
