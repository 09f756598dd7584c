"""What a hostile gateway sends takes no more memory than its limit, set by the system."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from command_process import run_process
from hostile.flooding_peer import FLOODS, FloodingPeer
from hostile.hostile_gateway import HostileGateway, field

STEPS = Path(__file__).with_name("limited_steps.py")
MIB = 1 << 20

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="RLIMIT_AS counts as it should on Linux only"
)


def limited(
    backend: str, mebibytes: int, *steps: str, order: str = "one-by-one"
) -> list[dict[str, Any]]:
    """Run steps in a process with so much memory; return how they ended."""
    words = [sys.executable, "-P", str(STEPS), backend, str(mebibytes), order, *steps]
    code, out, err = run_process(words, stdin=b"", variables={}, limit=120)
    assert code == 0, err[-2000:]
    result: list[dict[str, Any]] = json.loads(out)["outcomes"]
    return result


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    loop: str = request.param
    return loop


def page(*objects: bytes, token: str = "") -> bytes:
    return b"".join(field(1, each) for each in objects) + field(2, token.encode())


def thing(number: int, parent: int = 0, name: str = "") -> bytes:
    return field(1, number) + field(2, (name or f"O{number}").encode()) + field(5, parent)


CHAIN = page(*(thing(n, n - 1) for n in range(1, 20_001)))
EMPTY = b"\n\0" * 8_388_000
LONG = page(thing(1, name="x" * (15 * MIB)))[:-2]  # without its token


def fresh_tokens(number: int) -> bytes:
    return page(token=f"t{number}")


def long_names(number: int) -> bytes:
    return LONG + field(2, f"t{number}".encode())


def many_objects(number: int) -> bytes:
    first = number * 5000
    return page(*(thing(first + n) for n in range(5000)), token=f"t{number}")


def deeper(number: int) -> bytes:
    return page(thing(number)) + field(4, 1) + field(5, 1)


def alarm(number: int, text: str) -> bytes:
    return field(1, f"Galaxy!Area.Tag_{number}".encode()) + field(8, text.encode())


def endless(text: str, *, feed: bool) -> Iterator[bytes]:
    for number in itertools.count():
        message = alarm(number, text)
        yield field(1, message) if feed else message


WALK = "DiscoverHierarchy"

CASES: dict[str, tuple[str, dict[str, Callable[[int], bytes]], str, str]] = {
    # name: step, replies, options, what it ends with
    "chain of parents": ("tree", {WALK: lambda _: CHAIN}, "", "max_depth"),
    "fresh tokens": ("discover", {WALK: fresh_tokens}, "", "MalformedReplyError"),
    "fresh tokens, iterated": ("iterate", {WALK: fresh_tokens}, "", "MalformedReplyError"),
    "long names": ("discover", {WALK: long_names}, "", "max_walk_bytes"),
    "many objects": ("discover", {WALK: many_objects}, "max_objects=50000", "max_objects"),
    "iterated for ever": ("iterate", {WALK: many_objects}, "max_objects=50000", "max_objects"),
    "ever deeper": ("browse", {"BrowseChildren": deeper}, "", "max_depth"),
}


def test_walks_over_a_hostile_galaxy_end_within_their_memory(backend: str) -> None:
    with ExitStack() as stack:
        steps = []
        for step, replies, options, _ in CASES.values():
            gateway = stack.enter_context(HostileGateway(replies))
            steps.append(",".join(filter(None, [f"{step}={gateway.endpoint}", options])))
        outcomes = limited(backend, 1024, *steps)
    ends = {
        name: outcome.get("option") or outcome["type"]
        for name, outcome in zip(CASES, outcomes, strict=True)
    }
    assert ends == {name: expected for name, (*_, expected) in CASES.items()}


def test_millions_of_empty_messages_in_16_kilobytes_are_not_made(backend: str) -> None:
    with HostileGateway({WALK: lambda _: EMPTY}, gzip=True) as gateway:
        ratio, elements = limited(
            backend,
            512,
            f"discover={gateway.endpoint}",
            f"discover={gateway.endpoint},max_expansion=2000",
        )
    assert ratio["option"] == "max_expansion"
    assert elements["option"] == "max_message_elements"


def test_endless_snapshots_end_within_their_memory(backend: str) -> None:
    # A single character beyond the others makes all of them take four bytes.
    text = "\U0001f600" + "x" * 1_000_000
    with (
        HostileGateway(streams=snapshots(text)) as long,
        HostileGateway(streams=snapshots("")) as many,
    ):
        outcomes = limited(
            backend,
            1024,
            f"follow={long.endpoint}",
            f"query={long.endpoint}",
            f"follow={many.endpoint},max_alarms=5000",
            f"query={many.endpoint},max_alarms=5000",
        )
    assert [outcome.get("option") for outcome in outcomes] == ["max_alarms"] * 4, outcomes


def snapshots(text: str) -> dict[str, Callable[[], Iterator[bytes]]]:
    return {
        "StreamAlarms": lambda: endless(text, feed=True),
        "QueryActiveAlarms": lambda: endless(text, feed=False),
    }


def test_floods_of_http2_frames_take_no_memory_and_end_with_an_error(backend: str) -> None:
    with ExitStack() as stack:
        peers = {name: stack.enter_context(FloodingPeer(name)) for name in FLOODS}
        steps = [f"session={peer.endpoint},call_timeout=3" for peer in peers.values()]
        outcomes = limited(backend, 384, *steps, order="together")
    ends = {name: outcome["type"] for name, outcome in zip(peers, outcomes, strict=True)}
    assert set(ends.values()) <= {
        "ConnectionLost",
        "DeadlineExceededError",
        "InternalError",
        "RemoteProtocolError",
    }, ends
