"""The alarms of a simulator for callers in other threads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mxgateway.simulator.alarms.engine import AlarmEngine
from mxgateway.simulator.alarms.points import AlarmPoint

__all__ = ["ThreadedAlarms"]

P = ParamSpec("P")
R = TypeVar("R")


class _Runner(Protocol):
    def __call__(self, coroutine: Coroutine[Any, Any, R], /) -> R: ...


def _blocking(
    method: Callable[Concatenate[AlarmEngine, P], R],
) -> Callable[Concatenate[ThreadedAlarms, P], R]:
    @functools.wraps(method)
    def call(self: ThreadedAlarms, /, *args: P.args, **kwargs: P.kwargs) -> R:
        async def run() -> R:
            return method(self._engine, *args, **kwargs)

        return self._run(run())

    return call


class ThreadedAlarms:
    """What people do with an AlarmEngine, each method blocking (`ThreadedSimulator.alarms`).

    Args:
        engine: The alarms of the simulator.
        run: Runs a coroutine in the simulator's loop and returns its result.
    """

    def __init__(self, engine: AlarmEngine, run: _Runner) -> None:
        self._engine = engine
        self._run = run

    @property
    def active(self) -> list[AlarmPoint]:
        """The alarms that are active, in the order of the plant."""

        async def read() -> list[AlarmPoint]:
            return self._engine.active

        return self._run(read())

    __getitem__ = _blocking(AlarmEngine.__getitem__)
    guid = _blocking(AlarmEngine.guid)
    load = _blocking(AlarmEngine.load)
    raise_ = _blocking(AlarmEngine.raise_)
    clear = _blocking(AlarmEngine.clear)
    acknowledge = _blocking(AlarmEngine.acknowledge)
    failover = _blocking(AlarmEngine.failover)
    failback = _blocking(AlarmEngine.failback)
