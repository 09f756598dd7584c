"""Commands against a gateway that never ends, or sends too much: each ends, with the reason."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hostile.hostile_gateway import HostileGateway, field

from mxgateway import AlarmBook
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmFeedMessage,
)

Run = Callable[..., Any]


def thing(number: int, parent: int = 0) -> bytes:
    return field(1, number) + field(2, f"O{number}".encode()) + field(5, parent)


def fresh_tokens(number: int) -> bytes:
    return field(1, thing(number)) + field(2, f"t{number}".encode())


def wider(number: int) -> bytes:
    """A level of ten objects that all have children, which lead nowhere near the end."""
    children = b"".join(field(1, thing(number * 10 + n)) for n in range(10))
    return children + field(4, b"\1" * 10)


def chain(_: int) -> bytes:
    return b"".join(field(1, thing(n, n - 1)) for n in range(1, 201))


def endless(*, feed: bool) -> Iterator[bytes]:
    for number in itertools.count():
        message = field(1, f"Galaxy!Area.Tag_{number}".encode())
        yield field(1, message) if feed else message


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileGateway]:
    """A gateway whose walks and snapshots never end."""
    unary = {"DiscoverHierarchy": fresh_tokens, "BrowseChildren": wider}
    streams = {
        "StreamAlarms": lambda: endless(feed=True),
        "QueryActiveAlarms": lambda: endless(feed=False),
    }
    with HostileGateway(unary, streams) as gateway:
        yield gateway


@pytest.mark.parametrize(
    "words",
    [
        ("alarms", "--once"),
        ("alarms", "ack", "17"),
        ("query-active-alarms",),
        ("find", "x"),
        ("tree", "--all"),
        ("read", "*.Level"),
        ("galaxy-discover",),
        ("galaxy-browse", "--depth", "50"),
    ],
    ids=lambda words: " ".join(words),
)
def test_the_timeout_counts_for_the_whole_command(
    run: Run, hostile: HostileGateway, words: tuple[str, ...]
) -> None:
    outcome = run(
        *words, "--endpoint", hostile.endpoint, "--plaintext", "--timeout", "0.6", "--json"
    )
    assert (outcome.code, outcome.out) == (6, "")
    error = outcome.error()
    assert error["type"] == "DeadlineExceededError"
    if "QueryActiveAlarms" not in error["message"]:  # one call, which has a deadline of its own
        assert error["phase"] == "command"
        assert "the 0.6 s of the command passed while waiting for" in error["message"]


def test_each_line_of_a_batch_has_its_own_time(spawn: Run, hostile: HostileGateway) -> None:
    base = f"--endpoint {hostile.endpoint} --plaintext --timeout 0.6"
    outcome = spawn("batch", stdin=f"find x {base}\ntree --all {base}\n".encode())
    answers = outcome.out.split("__MXGW_BATCH_EOR__\n")[:-1]
    assert len(answers) == 2
    assert all("of the command passed" in json.dumps(json.loads(each)) for each in answers)


def test_what_goes_beyond_a_limit_is_told_with_its_name(run: Run) -> None:
    with HostileGateway({"DiscoverHierarchy": chain}) as gateway:
        outcome = run("find", "x", "--endpoint", gateway.endpoint, "--plaintext")
    assert (outcome.code, outcome.out) == (7, "")
    assert "LimitError: the hierarchy has objects on level 101" in outcome.err
    assert "the limit is 100 (option max_depth)" in outcome.err


def test_the_board_of_alarms_does_not_look_at_all_of_them_for_each_change() -> None:
    boards: Any = import_module("mxgateway_cli.output.live_alarms")
    board = boards.AlarmBoard("", lambda alarm, _: [alarm.reference] * 9)

    class Watched(AlarmBook):
        looks = 0

        def __init__(self) -> None:
            super().__init__()
            shown = self.alarms

            class Alarms(type(shown)):  # type: ignore[misc]
                def values(self) -> Any:
                    Watched.looks += 1
                    return super().values()

            self.alarms = Alarms(self._alarms)

    book = Watched()
    for number in range(2000):
        message = ActiveAlarmSnapshot(
            alarm_full_reference=f"Galaxy!Area.Tag_{number % 1500}",
            current_state=AlarmConditionState(1 + number // 1500),
        )
        for change in book.apply(AlarmFeedMessage(active_alarm=message)):
            board.take(book, change)
    assert Watched.looks == 0
    alarms, _, heading, _ = board._state(80, 24, 2_000)
    assert {alarm.reference for alarm in alarms} == {alarm.reference for alarm in book.active}
    assert {alarm.state for alarm in alarms} == {alarm.state for alarm in book.active}
    assert f"{len(book)} active" in heading[0].text


@pytest.fixture
def deep(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A galaxy of 200 levels, to which the variables lead."""
    with HostileGateway({"DiscoverHierarchy": chain}) as gateway:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", gateway.endpoint)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        yield


@pytest.mark.usefixtures("deep")
def test_limits_are_set_by_option_variable_and_profile(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("find", "x").code == 7
    assert run("find", "x", "--limit", "max_depth=200").code == 0
    both = ("--limit", "max_depth=200", "--limit", "max_objects=199")
    assert "(option max_objects)" in run("find", "x", *both).err
    profiles = ("--config", str(tmp_path / "p.toml"))
    made = run("profile", "add", "deep", *profiles, "--limit", "max_depth=200")
    assert made.code == 0
    assert 'limits = "max_depth=200"' in (tmp_path / "p.toml").read_text()
    assert run("find", "x", *profiles, "--profile", "deep").code == 0
    monkeypatch.setenv("MXGATEWAY_LIMITS", "max_depth=200 max_alarms=7")
    assert run("find", "x").code == 0
    shown = run("config", "--json").json()["settings"]
    assert {s["name"]: s["value"] for s in shown}["limits"] == "max_depth=200 max_alarms=7"


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--limit", "max_depth"), "give NAME=NUMBER"),
        (("--limit", "max_depth=many"), "give NAME=NUMBER"),
        (("--limit", "max_depth=" + "9" * 5_000), "give NAME=NUMBER"),
        (("--limit", "max_send_bytes=5"), "is no limit; known are max_receive_bytes"),
        (("--limit", "max_depth=0"), "max_depth: give a whole number from 1"),
    ],
)
def test_a_limit_that_is_none_is_refused_before_anything_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    outcome = run("find", "x", *words)
    assert outcome.code == 2
    assert told in " ".join(outcome.err.split())
    monkeypatch.setenv("MXGATEWAY_LIMITS", words[1])
    assert run("find", "x").code == 2
