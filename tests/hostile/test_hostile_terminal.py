"""Hostile words before a real terminal: live pictures, errors, certificates."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from cli_lines import ALARM
from command_process import run_process
from hostile.certificates import hostile_context
from hostile.rewriting_gateway import RewritingGateway
from hostile.tls_listener import TlsListener
from hostile.words import FORGED, HOSTILE, MARK, WIDE, check_plain, check_terminal
from scripted_peer import PeerConnection, scripted_peer

from mxgateway.simulator import ThreadedSimulator

LIMIT = 30
SCRIPT = [sys.executable, "-m", "mxgateway_cli"]


@pytest.fixture
def terminal() -> Iterator[Callable[..., Any]]:
    """Start a command in a terminal of a given size."""
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals of this kind are POSIX only")
    from cli_people.people_terminal import Terminal

    started: list[Terminal] = []

    def start(*words: str, columns: int = WIDE, lines: int = 50, **variables: str) -> Terminal:
        one = Terminal([*SCRIPT, *words], columns, lines, variables)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()


@pytest.fixture
def gateway(
    honest: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RewritingGateway]:
    """A gateway with hostile words, and the variables that lead there."""
    with RewritingGateway(honest.endpoint) as running:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", running.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", honest.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        yield running


def check_raw(raw: bytes, where: str) -> None:
    # A terminal gets its line ends from the kernel as CR LF.
    check_terminal(raw.replace(b"\r\n", b"\n"), WIDE, where)


@pytest.mark.parametrize(
    "words",
    [
        ("alarms",),
        ("watch", "SimProbe_001.TestString"),
        ("plot", "Tank_001.Level", "--seconds", "60"),
        ("stream-alarms",),
    ],
    ids=lambda words: words[0],
)
def test_a_picture_that_moves_is_drawn_over_by_nobody(
    terminal: Callable[..., Any],
    gateway: RewritingGateway,
    honest: ThreadedSimulator,
    words: tuple[str, ...],
) -> None:
    shown = terminal(*words)
    shown.read_until(re.escape(MARK) if words[0] != "plot" else "Tank_001.Level")
    honest.alarms.clear(ALARM)
    honest.alarms.raise_(ALARM)
    if words[0] in ("alarms", "watch", "plot"):
        shown.frame()
    shown.interrupt()
    assert shown.finish() in (0, 130)
    check_raw(shown.raw, words[0])


@pytest.mark.parametrize("words", [("galaxy-last-deploy",), ("read", "A.B", "--debug")])
def test_an_error_is_what_this_program_says(
    terminal: Callable[..., Any], gateway: RewritingGateway, words: tuple[str, ...]
) -> None:
    gateway.mood = "refuses"
    shown = terminal(*words)
    assert shown.finish() in (7, 8)
    assert MARK.encode() in shown.raw
    check_raw(shown.raw, words[0])


def test_a_certificate_cannot_redraw_the_fingerprint_that_is_compared(
    terminal: Callable[..., Any], tmp_path: Path
) -> None:
    false = ":".join(["AA"] * 32)
    issuer = f"\x1b[s\x1b[2A\r\x1b[11C{false}\x1b[u\x1b[8m"
    with TlsListener(hostile_context(f"plant\n{FORGED}", issuer)) as listener:
        shown = terminal("trust", listener.endpoint, columns=100, lines=30)
        assert shown.finish() == 0
    rows = [line for line in shown.text().splitlines() if line.startswith("SHA-256")]
    assert len(rows) == 1
    assert false not in rows[0]
    assert "Nothing was written" in shown.text()
    assert "\\x1b[2A" in shown.text()
    check_raw(shown.raw, "trust")


FOREIGN: dict[str, tuple[tuple[str, str], ...]] = {
    "content type": ((":status", "503"), ("content-type", f"text/html {HOSTILE}")),
    "status": ((":status", HOSTILE), ("content-type", "text/html")),
    "grpc-message": (
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", "9"),
        ("grpc-message", "boom %1B%5D0;PWNED%07 %1B[2J%0AError: forged %C2%9B2K"),
    ),
    "grpc-status": (
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", f"9{HOSTILE}"),
    ),
    "grpc-encoding": (
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", HOSTILE),
    ),
}


@pytest.mark.parametrize("part", FOREIGN)
async def test_the_headers_of_a_reply_are_told_escaped(part: str) -> None:
    headers = [(name, text.encode("utf-8", "replace")) for name, text in FOREIGN[part]]

    async def answer(connection: PeerConnection) -> None:
        request = await connection.request()
        ended = part != "grpc-encoding"
        await connection.send(connection.headers_frame(request.stream_id, headers, end=ended))
        if not ended:
            await connection.send(connection.data_frame(request.stream_id, b"\1\0\0\0\1x"))
            await connection.send(connection.trailers_frame(request.stream_id, 0))

    async with scripted_peer(answer) as peer:
        words = [*SCRIPT, "galaxy-last-deploy", "--plaintext", "--endpoint", peer.endpoint]
        code, out, err = await anyio.to_thread.run_sync(
            lambda: run_process([*words, "--debug"], stdin=b"", variables={}, limit=LIMIT)
        )
    assert (code, out) == (7, "")
    check_plain(err, part)
    assert MARK in err
