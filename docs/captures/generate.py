"""Draws the pictures of the command line for the docs: same plant, same times, same pictures.

python docs/captures/generate.py [--check]
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
import people  # noqa: E402 - needs the path above
from recorder import Terminal, save, words_of  # noqa: E402 - as above

from mxgateway.simulator import ManualClock, ThreadedSimulator  # noqa: E402 - as above
from mxgateway.sync import GatewayClient  # noqa: E402 - as above

_SCAN = 0.5
_SCANS = 6
_FOLLOWED = ("Pump_001.SpeedSP", "Pump_001.Speed", "Tank_001.Level", "Reactor_001.Pressure")


def simulate() -> Terminal:
    """`mxgw-py simulate`, with one client that follows some tags."""
    terminal = Terminal(88, 40, {})
    invocation = _invocation(terminal)
    command: Any = import_module("mxgateway_cli.commands.simulate")
    traffic: Any = import_module("mxgateway_cli.output.traffic")
    with _simulator() as simulator:
        terminal.replaced[simulator.endpoint] = "127.0.0.1:5000"
        simulator.call(lambda s: command.announce(invocation, s, None))
        with _following(simulator):
            tags = import_module("mxgateway_cli.simulation").featured_tags(
                simulator.call(lambda s: s.model)
            )
            with traffic.traffic_view_for(invocation.environment) as view:
                now = simulator.call(lambda s: command.traffic_of(s, 16.0))
                view.take(now, simulator.call(lambda s: command.shown_tags(s, tags)))
    return terminal


def demo() -> Terminal:
    """`mxgw-py demo`."""
    terminal = Terminal(100, 40, {})
    invocation = _invocation(terminal)
    command: Any = import_module("mxgateway_cli.commands.demo")
    with _simulator() as simulator:
        terminal.replaced[simulator.endpoint] = "127.0.0.1:5000"
        mover = threading.Thread(target=_move, args=(simulator, len(command.DEMO_TAGS)))
        mover.start()
        command.show(invocation, simulator, 3.0)
        mover.join()
    return terminal


PICTURES: dict[str, Callable[[], Terminal]] = {
    "simulate": simulate,
    "demo": demo,
    **people.PICTURES,
}


def _simulator() -> ThreadedSimulator:
    return ThreadedSimulator(seed=7, clock=ManualClock(), interval=None)


def _move(simulator: ThreadedSimulator, items: int) -> None:
    """Scan a few times once so many items have had their first value."""
    simulator.wait_until(lambda s: s.audit.events_sent >= items, timeout=20)
    for _ in range(_SCANS):
        simulator.advance(_SCAN)
        simulator.scan()


@contextmanager
def _following(simulator: ThreadedSimulator) -> Iterator[None]:
    """A client that follows four tags and has written one."""
    with GatewayClient.connect(
        endpoint=simulator.endpoint, api_key=simulator.api_key, plaintext=True
    ) as client:
        with client.open_session() as session:
            server = session.register("captures")
            items = [session.add_item(server, tag) for tag in _FOLLOWED]
            with session.stream_events() as events:
                for item in items:
                    session.advise(server, item)
                next(iter(events))
                session.write_and_wait(server, items[0], 1200.0)
                _move(simulator, len(items) + 2)
                simulator.wait_until(
                    lambda s: s.audit.events_sent == s.gateway.open_sessions[0].events.sequence
                )
                yield


def _invocation(terminal: Terminal) -> Any:
    options: Any = import_module("mxgateway_cli.options")
    environment: Any = import_module("mxgateway_cli.environment").Environment(
        variables=os.environ, stdout=terminal, stderr=io.StringIO()
    )
    return options.Invocation(environment, options.OutputFormat.TABLE)


def main() -> int:
    """Draw the pictures, or with --check say whether they are current; return the exit code."""
    stale = []
    for name, run in PICTURES.items():
        path = FOLDER / f"{name}.svg"
        new = save(run(), path, f"mxgw-py {name}")
        if "--check" not in sys.argv[1:]:
            path.write_text(new, encoding="utf-8", newline="\n")
        elif not path.is_file() or words_of(path.read_text("utf-8")) != words_of(new):
            stale.append(path.name)
    if stale:
        sys.stderr.write(f"not current: {', '.join(stale)}; run make captures\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
