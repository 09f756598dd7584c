"""`simulate`: a gateway over a simulated plant, for trying and testing without System Platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from ..numbers import FiniteRange
from ..options import Invocation, OutputFormat, examples, local_command
from ..output.results import write_lines, write_result
from ..signals import Interrupted
from ..simulation import Wish
from .simulate_control import control

if TYPE_CHECKING:
    from mxgateway.simulator import Simulator

__all__ = ["announce", "shown_tags", "simulate", "traffic_of"]

_LOOK_SECONDS: Final = 0.5
_LOOPBACK: Final = ("127.", "::1", "localhost")


@click.group(
    "simulate",
    invoke_without_command=True,
    no_args_is_help=False,
    subcommand_metavar="[COMMAND]",
    epilog=examples(
        "mxgw-py simulate",
        "mxgw-py simulate --plant plant.toml --tls",
        "mxgw-py simulate --port 0 --seed 7 --output jsonl",
        "mxgw-py simulate --settings lease=60 --settings write-delay=0.5",
        "mxgw-py simulate --control 127.0.0.1:5001",
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
@click.option(
    "--plant", type=click.Path(), metavar="FILE", help="Plant file; without one the DemoPlant."
)
@click.option(
    "--scale",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="A made-up plant of N objects with 20 attributes each.",
)
@click.option("--seed", type=int, metavar="N", help="Makes values and ids the same with every run.")
@click.option(
    "--interval",
    type=FiniteRange(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two scans of the plant; 0 for none but those of `control scan`.",
)
@click.option(
    "--redeploy-every",
    type=FiniteRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Deploy the plant again and again.",
)
@click.option("--tls", is_flag=True, help="TLS, with a certificate made for this run.")
@click.option(
    "--tls-folder",
    type=click.Path(),
    metavar="FOLDER",
    help="TLS, with a certificate kept in this folder; made where there is none.",
)
@click.option(
    "--tls-cert", type=click.Path(), metavar="PEM", help="TLS, with a certificate of your own."
)
@click.option(
    "--tls-key", type=click.Path(), metavar="PEM", help="Private key that belongs to --tls-cert."
)
@click.option(
    "--settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A limit or choice of the gateway; docs/simulator.md lists them. Repeatable.",
)
@click.option(
    "--control",
    metavar="HOST:PORT",
    help="Loopback address of the control channel, for `simulate control`.",
)
@click.option(
    "--control-token", metavar="TEXT", help="What its callers have to show; else a random one."
)
def simulate(invocation: Invocation, **options: Any) -> None:
    """Run a simulated gateway until Ctrl-C.

    Its keys are public: they open nothing but a simulator.
    """
    context = get_current_context()
    if context.invoked_subcommand is not None:
        return
    if context.get_parameter_source("control_token") is ParameterSource.ENVIRONMENT:
        # The variable is that of `simulate control --token` too, so it may stand there for that.
        options["control_token"] = options["control"] and options["control_token"]
    wish = Wish(**options)
    wish.check()
    from ..logs import shown_log
    from ..run import run_async
    from ..simulation import model_of, simulator_for

    environment = invocation.environment
    # Out of the loop, where Ctrl-C ends a plant that comes slowly out of a pipe.
    model = model_of(wish)

    async def serve() -> None:
        import anyio

        with simulator_for(wish, model) as (simulator, certificate):
            await _start(simulator)
            try:
                announce(invocation, simulator, certificate)
                _warn(invocation, wish.host)
                await _watch(invocation, simulator)
            finally:
                with anyio.CancelScope(shield=True):
                    await simulator.stop()

    try:
        with shown_log(environment):
            run_async(serve)
    except Interrupted:
        # Being told to stop is how a server ends, so this is success.
        environment.note("Stopped.")


simulate.add_command(control)


async def _start(simulator: Simulator) -> None:
    from mxgateway.errors import ConfigurationError

    try:
        await simulator.start()
    except OSError as error:
        text = error.strerror or str(error)
        if not text.startswith("cannot listen"):  # as the gateway's own port says
            text = f"cannot listen for --control: {text}; choose another port, or 0 for a free one"
        raise ConfigurationError(text) from error


def _warn(invocation: Invocation, host: str) -> None:
    if not host.startswith(_LOOPBACK):
        invocation.environment.note(
            "Other computers can connect, and the keys are public: whoever reaches this address "
            "can read and write the simulated plant."
        )


def announce(invocation: Invocation, simulator: Simulator, certificate: Any) -> None:
    """Tell what a running simulator serves: a table for people, else one line or CSV."""
    from ..output.traffic import moves
    from ..simulation import facts_of, item_to_try, shell_word

    facts = facts_of(simulator, certificate)
    endpoint = facts["endpoint"]
    people = invocation.format is OutputFormat.TABLE
    if invocation.format is OutputFormat.JSON:
        # Who starts a server reads its first line while it runs.
        invocation = replace(invocation, format=OutputFormat.JSONL)
    moving = moves(invocation.environment)  # Then the tags stand below, with their values.
    write_result(invocation, facts, lambda: _record(simulator, facts, certificate, tags=not moving))
    if not people or invocation.fields:
        return
    security = "--plaintext"
    if not simulator.plaintext:
        security = f"--tls --ca-file {shell_word(str(facts['caFile']))}"
    item = item_to_try(simulator.model)
    tried = "" if item is None else f" --item {shell_word(item)}"
    lines = [f"mxgw-py smoke --endpoint {endpoint} {security} --api-key {simulator.api_key}{tried}"]
    if facts["control"]:
        lines.append(
            f"mxgw-py simulate control --at {facts['control']} "
            f"--token {shell_word(facts['controlToken'])} status"
        )
    shown = (f"  {line}" for line in lines)
    write_lines(invocation, "", "In another terminal:", *shown, "", "Ctrl-C stops it.", "")


def _record(
    simulator: Simulator, facts: dict[str, Any], certificate: Any, *, tags: bool
) -> list[tuple[str, str]]:
    transport = "plaintext" if simulator.plaintext else "TLS"
    record = [
        ("Endpoint", f"{facts['endpoint']} ({transport})"),
        ("API key", f"{simulator.api_key} (all scopes)"),
        ("", f"{simulator.read_only_key} (read only)"),
    ]
    if certificate is not None:
        record.append(("Trust", str(facts["caFile"])))
        record.append(("SHA-256", certificate.fingerprint))
    plural = "" if facts["objects"] == 1 else "s"
    plant = f"{facts['plant']}: {facts['objects']:,} object{plural}, "
    plant += f"{facts['attributes']:,} attributes, {facts['alarms']:,} alarms, seed {facts['seed']}"
    record.append(("Plant", plant))
    if facts["control"]:
        record.append(("Control", f"{facts['control']}, token {facts['controlToken']}"))
    if tags:
        rest = facts["attributes"] - len(facts["tags"])
        shown = [*facts["tags"], *([f"and {rest:,} more"] if rest > 0 else [])]
        record += [("Tags" if n == 0 else "", tag) for n, tag in enumerate(shown)]
    return record


async def _watch(invocation: Invocation, simulator: Simulator) -> None:
    """Show what the simulator does, for people, until cancelled."""
    import anyio

    from ..output.traffic import traffic_view_for
    from ..simulation import featured_tags

    if invocation.format is not OutputFormat.TABLE or invocation.fields:
        await anyio.sleep_forever()
    tags = featured_tags(simulator.model)
    last, before = 0, anyio.current_time()
    with traffic_view_for(invocation.environment) as view:
        while True:
            now = anyio.current_time()
            sent = simulator.audit.events_sent
            rate = (sent - last) / (now - before) if now > before else 0.0
            last, before = sent, now
            view.take(traffic_of(simulator, rate), shown_tags(simulator, tags))
            await anyio.sleep(_LOOK_SECONDS)


def traffic_of(simulator: Simulator, rate: float) -> Any:
    """Return the counters of this moment."""
    from ..output.traffic import Traffic

    audit = simulator.audit
    return Traffic(
        sessions=simulator.session_count,
        streams=audit.streams_open,
        rate=rate,
        events=audit.events_sent,
        commands=audit.commands.total(),
        writes=audit.write_count.total(),
        alarms=len(simulator.alarms.active),
    )


def shown_tags(simulator: Simulator, tags: Sequence[str]) -> list[Any]:
    """Return tags as they stand; those that a redeploy took away are left out."""
    from mxgateway.simulator.variant import to_message

    from ..output.traffic import Shown

    found = [simulator.plant.find(tag) for tag in tags]
    return [
        Shown(tag.reference, to_message(tag.info, tag.value), tag.quality)
        for tag in found
        if tag is not None
    ]
