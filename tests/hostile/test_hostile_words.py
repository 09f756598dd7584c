"""Whatever a gateway says reaches a person escaped, whichever command tells it and how."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from cli_lines import ALARM, BENCHES, LINES, Line, prepare
from cli_people.test_people_matrix import LINES as PEOPLE_LINES
from hostile.rewriting_gateway import Mood, RewritingGateway
from hostile.words import HOSTILE, MARK, WIDE, check_plain, check_terminal

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]

PEOPLE = tuple(Line(name, " ".join(words)) for name, words in PEOPLE_LINES.items())
OTHERS = (
    Line("alarms", "ack 1 --comment seen"),
    Line("alarms", f"ack {ALARM} --comment seen"),
    Line("write", "SimProbe_001.TestInt not-a-number"),
    Line("read", "No.Such.Tag"),
    Line("find", "No_*"),
    Line("tree", "No/Such"),
    Line("info", "No.Such.Tag"),
    Line("doctor"),
    Line("smoke", "--item No.Such"),
)
# They show numbers, times and words of their own where nothing fails.
WORDLESS = {
    *("bench-read-bulk", "bench-stream-events", "doctor", "plot", "stream-events", "watch"),
    *("drain-events", "write-bulk", "write2-bulk", "write-secured-bulk", "write-secured2-bulk"),
    *("galaxy-last-deploy", "galaxy-test-connection", "galaxy-watch-deploys"),
}
ALL = (*LINES, *BENCHES, *PEOPLE, *OTHERS)


def lead_to(monkeypatch: pytest.MonkeyPatch, endpoint: str, key: str) -> None:
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", endpoint)
    monkeypatch.setenv("MXGATEWAY_API_KEY", key)
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")


def prepared(on_pipe: Run) -> Any:
    """Let the commands open and fill a session, as scripts do."""

    def run(*words: str) -> Any:
        shown = on_pipe(*words)
        return SimpleNamespace(code=shown.code, out=shown.out.decode(), err=shown.err.decode())

    return prepare(run)


@pytest.mark.parametrize("columns", [200, 80])
def test_hostile_names_and_texts_do_not_reach_a_terminal(
    on_terminal: Run,
    on_pipe: Run,
    honest: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    with RewritingGateway(honest.endpoint) as gateway:
        lead_to(monkeypatch, gateway.endpoint, honest.api_key)
        known = prepared(on_pipe)
        told = set()
        for line in ALL:
            words = (line.command, *line.filled(known), "--verbose", "--debug")
            shown = on_terminal(*words, columns=columns)
            where = " ".join(words[:4])
            check_terminal(shown.out, columns, where)
            check_terminal(shown.err, columns, where)
            if MARK.encode() in shown.out + shown.err:
                told.add(line.command)
        # Else the words would not have come through at all.
        assert {line.command for line in ALL} - told <= WORDLESS


@pytest.mark.parametrize("style", ["table", "json", "jsonl", "csv"])
def test_hostile_names_and_texts_keep_to_their_lines_on_a_pipe(
    on_pipe: Run, honest: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    with RewritingGateway(honest.endpoint) as gateway:
        lead_to(monkeypatch, gateway.endpoint, honest.api_key)
        known = prepared(on_pipe)
        for line in ALL:
            words = (line.command, *line.filled(known), "--output", style)
            shown = on_pipe(*words)
            where = " ".join(words[:4])
            check_plain(shown.err.decode(), where)
            out = shown.out.decode()
            if style == "csv":
                continue  # the data as they are; a terminal gets them escaped
            check_plain(out, where)
            if style != "table":
                assert out.isascii(), where
                for document in [out] if style == "json" else out.splitlines():
                    assert not document or json.loads(document) is not None, where


@pytest.mark.parametrize("mood", ["refuses", "fails"])
def test_hostile_words_of_errors_do_not_reach_a_terminal(
    on_terminal: Run,
    on_pipe: Run,
    honest: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    mood: Mood,
) -> None:
    with RewritingGateway(honest.endpoint) as gateway:
        lead_to(monkeypatch, gateway.endpoint, honest.api_key)
        known = prepared(on_pipe)
        gateway.mood = mood
        for line in ALL:
            words = (line.command, *line.filled(known))
            shown = on_terminal(*words, "--debug")
            where = " ".join(words[:4])
            check_terminal(shown.out, 200, where)
            check_terminal(shown.err, 200, where)
            if mood == "refuses":
                assert shown.code in (7, 8), where
                assert MARK.encode() in shown.out + shown.err, where
            error = on_pipe(*words, "--json").err.decode()
            assert error.isascii(), where
            check_plain(error, where)


def test_the_hostile_words_are_hostile() -> None:
    """What the tests look for is found where nothing is escaped."""
    for raw in (HOSTILE, f"x\x1b[8my\n{HOSTILE}", "x\nError: forged"):
        with pytest.raises((AssertionError, UnicodeDecodeError)):
            check_plain(raw, "")
        with pytest.raises((AssertionError, UnicodeDecodeError)):
            check_terminal(raw.encode(), WIDE, "")
    check_plain("plain\nlines\n", "")
    check_terminal(b"\x1b[1;31mred\x1b[0m\n", 80, "")
