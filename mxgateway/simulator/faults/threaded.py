"""The same faults for callers in other threads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mxgateway.simulator.faults.faults import Faults
from mxgateway.simulator.faults.registry import Fault

__all__ = ["ThreadedFaults"]

P = ParamSpec("P")
R = TypeVar("R")


class _Runner(Protocol):
    def __call__(self, coroutine: Coroutine[Any, Any, R], /) -> R: ...


def _blocking(
    method: Callable[Concatenate[Faults, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[ThreadedFaults, P], R]:
    @functools.wraps(method)
    def call(self: ThreadedFaults, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._run(method(self._faults, *args, **kwargs))

    return call


class ThreadedFaults:
    """What Faults has, each method blocking (`ThreadedSimulator.faults`).

    Args:
        faults: The faults of the simulator.
        run: Runs a coroutine in the simulator's loop and returns its result.
    """

    def __init__(self, faults: Faults, run: _Runner) -> None:
        self._faults = faults
        self._run = run

    def active(self) -> list[Fault]:
        """Return the faults that are in force, oldest first."""

        async def read() -> list[Fault]:
            return self._faults.active()

        return self._run(read())

    clear = _blocking(Faults.clear)

    delay = _blocking(Faults.delay)
    stall = _blocking(Faults.stall)
    fail = _blocking(Faults.fail)
    corrupt_replies = _blocking(Faults.corrupt_replies)
    corrupt_page_tokens = _blocking(Faults.corrupt_page_tokens)
    refuse_commands = _blocking(Faults.refuse_commands)
    revoke_key = _blocking(Faults.revoke_key)

    drop_connections = _blocking(Faults.drop_connections)
    refuse_connections = _blocking(Faults.refuse_connections)
    black_hole = _blocking(Faults.black_hole)
    goaway = _blocking(Faults.goaway)
    reset_streams = _blocking(Faults.reset_streams)
    send_garbage = _blocking(Faults.send_garbage)
    change_certificate = _blocking(Faults.change_certificate)

    kill_worker = _blocking(Faults.kill_worker)
    hang_worker = _blocking(Faults.hang_worker)
    overflow = _blocking(Faults.overflow)
    evict_ring = _blocking(Faults.evict_ring)
    expire_lease = _blocking(Faults.expire_lease)
    corrupt_events = _blocking(Faults.corrupt_events)

    set_value = _blocking(Faults.set_value)
    redeploy = _blocking(Faults.redeploy)
    stop_engine = _blocking(Faults.stop_engine)
    stop_repository = _blocking(Faults.stop_repository)
    stop_alarm_manager = _blocking(Faults.stop_alarm_manager)
    failover = _blocking(Faults.failover)
    failback = _blocking(Faults.failback)
