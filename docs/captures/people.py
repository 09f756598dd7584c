"""The pictures of the commands for people: the plant, the clock and the terminal stand still."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Any

from recorder import Terminal

from mxgateway import Timestamp
from mxgateway.simulator import ManualClock, ThreadedSimulator
from mxgateway.sync import GatewayClient

__all__ = ["PICTURES"]

_WATCHED = ("Tank_001.Level", "Tank_002.Level", "Pump_001.Running", "Pump_001.Speed",
            "Reactor_001.Pressure", "Line_001.Produced", "SimProbe_001.AlwaysBad")  # fmt: skip


def read() -> Terminal:
    """`mxgw-py read`."""
    return _command("read", "Tank_00?.Level", "Pump_001.ModeText", "SimProbe_001.AlwaysBad",
                    "Tank_009.Level")  # fmt: skip


def tree() -> Terminal:
    """`mxgw-py tree`."""
    return _command("tree", "Plant/Intake", "--all")


def alarms() -> Terminal:
    """`mxgw-py alarms`."""

    def upset(simulator: ThreadedSimulator) -> None:
        simulator.set_value("Tank_001.Level", 97.0)
        simulator.set_value("SimProbe_001.TestAlarm", True)
        simulator.alarms.acknowledge(
            "Galaxy!Reaction.SimProbe_001.TestAlarm", "only a test", "anna"
        )
        simulator.advance(125)

    return _command("alarms", "--once", before=upset)


def watch() -> Terminal:
    """`mxgw-py watch`, after a minute."""
    terminal = Terminal(100, 40, {})
    boards: Any = import_module("mxgateway_cli.output.live_values")
    with _plant() as (simulator, clock), _client(simulator) as client:
        board = boards.ValueBoard(
            _environment(terminal, simulator),
            _WATCHED,
            title="plant:5000",
            clock=lambda: clock().timestamp(),
        )
        with client.subscribe(_WATCHED) as updates:
            _follow(simulator, updates, board.take, len(_WATCHED), scans=60)
        _print(terminal, board.picture(100, 40))
    return terminal


def plot() -> Terminal:
    """`mxgw-py plot`, after a minute."""
    terminal = Terminal(100, 40, {})
    plotting: Any = import_module("mxgateway_cli.tags.plotting")
    tag = "Reactor_001.Pressure"
    with _plant() as (simulator, clock), _client(simulator) as client:
        chart = plotting.Chart(tag, 60.0, blocks=True, clock=lambda: clock().timestamp())
        with client.subscribe(tag) as updates:
            chart.begin()
            _follow(simulator, updates, chart.take, 1, scans=60)
        chart.stop()
        _print(terminal, chart.picture(100, 20))
    return terminal


PICTURES: dict[str, Callable[[], Terminal]] = {
    "read": read,
    "watch": watch,
    "plot": plot,
    "tree": tree,
    "alarms": alarms,
}


def _command(*words: str, before: Callable[[ThreadedSimulator], object] | None = None) -> Terminal:
    terminal = Terminal(100, 40, {})
    app: Any = import_module("mxgateway_cli.app")
    with _plant() as (simulator, _):
        terminal.replaced[simulator.endpoint] = "plant:5000"
        if before is not None:
            before(simulator)
        app.run(list(words), _environment(terminal, simulator))
    return terminal


def _follow(
    simulator: ThreadedSimulator,
    updates: Iterator[Any],
    take: Callable[[Any], object],
    first: int,
    *,
    scans: int,
) -> None:
    """Let the plant run second by second; every value is taken at the moment it has."""
    for _ in range(first):
        take(next(updates))
    for _ in range(scans):
        simulator.advance(1.0)
        sent = simulator.audit.events_sent
        simulator.scan()
        simulator.wait_until(
            lambda s: s.audit.events_sent == s.gateway.open_sessions[0].events.sequence
        )
        for _ in range(simulator.audit.events_sent - sent):
            take(next(updates))


@contextmanager
def _plant() -> Iterator[tuple[ThreadedSimulator, ManualClock]]:
    """A plant whose clock is also that by which ages are told."""
    clock = ManualClock()
    real = Timestamp.now

    def now(_tz: Any = None) -> Timestamp:
        moment: datetime = clock()
        return Timestamp.from_datetime(moment)

    with ThreadedSimulator(seed=7, clock=clock, interval=None) as simulator:
        simulator.advance(1.5)
        setattr(Timestamp, "now", staticmethod(now))  # noqa: B010 - a method of a class
        try:
            yield simulator, clock
        finally:
            setattr(Timestamp, "now", real)  # noqa: B010 - as above


def _client(simulator: ThreadedSimulator) -> Any:
    return GatewayClient.connect(
        endpoint=simulator.endpoint, api_key=simulator.api_key, plaintext=True
    )


def _environment(terminal: Terminal, simulator: ThreadedSimulator) -> Any:
    return import_module("mxgateway_cli.environment").Environment(
        variables={
            "MXGATEWAY_ENDPOINT": simulator.endpoint,
            "MXGATEWAY_API_KEY": simulator.api_key,
            "MXGATEWAY_PLAINTEXT": "1",
        },
        stdout=terminal,
        stderr=io.StringIO(),
    )


def _print(terminal: Terminal, picture: Any) -> None:
    from rich.console import Console

    Console(file=terminal, markup=False, emoji=False, highlight=False).print(picture)
