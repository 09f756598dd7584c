"""The event loops that async tests run on: two always, and others that a variable chooses."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from typing import Any

import pytest

__all__ = ["LOOP_VARIABLE", "absent", "backends", "eager_event_loop"]

LOOP_VARIABLE = "MXGATEWAY_TEST_LOOP"
"""Names the loop of a run: "eager" or "uvloop"; unset, tests run on asyncio and trio."""


def backends(name: str) -> list[Any]:
    """Return the parameters of the fixture `anyio_backend`.

    A loop that this Python or this environment has not skips its tests, with the reason.

    Raises:
        UsageError: There is no loop of that name.
    """
    if not name:
        return [
            pytest.param(("asyncio", {"debug": True}), id="asyncio"),
            pytest.param(("trio", {}), id="trio"),
        ]
    reason = absent(name)
    options = {"use_uvloop": True} if name == "uvloop" else {"loop_factory": eager_event_loop}
    marks = [pytest.mark.skip(reason=reason)] if reason else []
    return [pytest.param(("asyncio", {"debug": True} | options), id=name, marks=marks)]


def absent(name: str) -> str:
    """Return why a loop cannot be used here; "" for one that can.

    Raises:
        UsageError: There is no loop of that name.
    """
    if name == "eager":
        return "" if sys.version_info >= (3, 12) else "eager tasks need Python 3.12"
    if name == "uvloop":
        return "" if importlib.util.find_spec("uvloop") else "uvloop is not installed"
    raise pytest.UsageError(f"{LOOP_VARIABLE}: give eager or uvloop, not {name!r}")


def eager_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose tasks run up to their first wait before `create_task` returns."""
    loop = asyncio.new_event_loop()
    if sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop
