"""Every public name of the async classes has its twin without await, with the same parameters."""

from __future__ import annotations

import inspect
import re

import pytest

import mxgateway
from mxgateway import sync

# What only makes sense in an event loop, and why.
ASYNC_ONLY: dict[str, dict[str, str]] = {
    "Session": {"events": "the hub feeds consumers in the loop; stream_events is the consumer"},
    "GalaxyRepositoryClient": {"on": "`GatewayClient.galaxy` shares a connection"},
    "TagSubscription": {"aclose": "close"},
    "MessageStream": {"aclose": "close"},
    "EventStream": {"aclose": "close"},
    "AlarmFollower": {"aclose": "close"},
    "DeployWatch": {"aclose": "close"},
    "HierarchyIterator": {"aclose": "close"},
    "GatewayClient": {},
    "LazyBrowseNode": {},
}


@pytest.mark.parametrize("name", sorted(ASYNC_ONLY))
def test_nothing_is_missing_and_parameters_are_the_same(name: str) -> None:
    original, twin = getattr(mxgateway, name), getattr(sync, name)
    public = {each for each in dir(original) if not each.startswith("_")}
    attributes = set(re.findall(r"\bself\.([a-z]\w*)[: =]", inspect.getsource(original.__init__)))
    missing = public - set(dir(twin)) - ASYNC_ONLY[name].keys()
    assert not missing
    for each in attributes:
        assert isinstance(getattr(twin, each), property), each
    for each in sorted(public - ASYNC_ONLY[name].keys() - {"connect"}):
        member, counterpart = getattr(original, each), getattr(twin, each)
        if not callable(member):
            assert isinstance(counterpart, property)
            continue
        expected = list(inspect.signature(member).parameters.values())
        found = list(inspect.signature(counterpart).parameters.values())
        if each == "close" and len(found) < len(expected):
            continue
        assert [(p.name, p.kind, p.default) for p in found] == [
            (p.name, p.kind, p.default) for p in expected
        ], each
        assert counterpart.__doc__, each
        assert not inspect.iscoroutinefunction(counterpart) or hasattr(counterpart, "__wrapped__")
