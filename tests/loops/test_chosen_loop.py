"""The loop that `make test-loops` chooses is the one that tests run on."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest
from event_loops import LOOP_VARIABLE, backends

CHOSEN = os.environ.get(LOOP_VARIABLE, "")


async def test_tests_run_on_the_loop_of_the_run(anyio_backend_name: str) -> None:
    if anyio_backend_name == "trio":
        assert not CHOSEN
        return
    loop: Any = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    assert (factory is not None) == (CHOSEN == "eager")
    assert (type(loop).__module__ == "uvloop") == (CHOSEN == "uvloop")
    order = []

    async def child() -> None:
        order.append("child")

    task = asyncio.create_task(child())
    order.append("parent")
    await task
    assert order == (["child", "parent"] if CHOSEN == "eager" else ["parent", "child"])


def test_a_loop_that_is_not_there_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 11))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, reason in [("eager", "Python 3.12"), ("uvloop", "uvloop is not installed")]:
        ((mark,),) = [parameter.marks for parameter in backends(name)]
        assert mark.name == "skip"
        assert reason in mark.kwargs["reason"]


def test_an_unknown_loop_is_a_usage_error() -> None:
    with pytest.raises(pytest.UsageError, match="give eager or uvloop, not 'gevent'"):
        backends("gevent")
