"""Numbers without end: infinite, none at all, or longer than Python reads. All told in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
LONG = "1" * 5_000
HANDLES = ("--session-id", "s", "--server-handle", "1", "--item-handle", "1")
AT = ("--timestamp", "2026-01-01T00:00:00Z")


@pytest.mark.parametrize("number", ["nan", "inf", "1e400"])
@pytest.mark.parametrize(
    "words",
    [
        ("ping", "--session-id", "s", "--timeout"),
        ("watch", "A.B", "--seconds"),
        ("plot", "A.B", "--seconds"),
        ("demo", "--seconds"),
        ("trust", "localhost:1", "--timeout"),
        ("bench-stream-events", "--duration-seconds"),
        ("bench-stream-events", "--warmup-seconds"),
        ("simulate", "--interval"),
        ("simulate", "--redeploy-every"),
        ("shutdown-worker", "--session-id", "s", "--grace-period"),
    ],
    ids=" ".join,
)
def test_seconds_are_finite(
    run: Run, connected: ThreadedSimulator, words: tuple[str, ...], number: str
) -> None:
    outcome = run(*words, number)
    assert outcome.code == 2
    assert f"Invalid value for '{words[-1]}': " in outcome.err
    assert re.search(r" is (no finite number|not in the range 0<=?x<=86400)\.", outcome.err)
    assert connected.audit.connections_opened == 0


def test_seconds_of_a_variable_are_finite_too(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_TIMEOUT", "1e400")
    outcome = run("ping", "--session-id", "s")
    assert outcome.code == 2
    assert "MXGATEWAY_TIMEOUT is '1e400': 1e400 is no finite number." in outcome.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("ping", "--session-id", "s", "--endpoint", f"h:{LONG}"), "a number from 1 to 65535"),
        (("simulate", "--control", f"localhost:{LONG}"), "give host:port"),
        (
            ("simulate", "control", "--at", f"h:{LONG}", "--token", "tokentoken", "status"),
            "give host:port",
        ),
        (
            ("simulate", "control", "--token", "t", "set_value", "tag=A", f"value={LONG}"),
            "more than 640 digits",
        ),
        (("simulate", "--settings", f"session_limit={LONG}"), "give a whole number"),
        (("write", "A.B", f"[{LONG}]", "--type", "int32[]"), "more than 640 digits"),
        (("write2", *HANDLES, *AT, "--type", "int32", "--value", LONG), "is no int32"),
        (
            ("write-array-elements", *HANDLES, "--type", "int32", "--total-length", "3",
             "--element", f"{LONG}=1"),
            "give INDEX=VALUE",
        ),
        (("ping", "--session-id", "s", "--limit", f"max_depth={LONG}"), "give NAME=NUMBER"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_whole_numbers_of_thousands_of_digits_are_refused_in_words(
    run: Run, connected: ThreadedSimulator, words: tuple[str, ...], reason: str
) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert reason in outcome.err
    assert "Internal error" not in outcome.err
    assert "integer string conversion" not in outcome.err  # Python's own words
    assert connected.audit.sessions_opened == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [(LONG, "more than 640 digits"), ("1e400", "1e400 is no number that a tag can hold")],
)
def test_numbers_of_a_file_of_writes_are_finite_and_short(
    run: Run, connected: ThreadedSimulator, tmp_path: Any, value: str, reason: str
) -> None:
    file = tmp_path / "writes"
    file.write_text(f'{{"tag": "A.B", "value": {value}}}\n', encoding="utf-8")
    outcome = run("write", f"@{file}")
    assert outcome.code == 2
    assert reason in outcome.err


def test_an_alarm_has_no_number_of_thousands_of_digits(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run("alarms", "ack", LONG)
    assert "no active alarm has" in outcome.err
    assert "Internal error" not in outcome.err
