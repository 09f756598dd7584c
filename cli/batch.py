"""The batch protocol: command lines on stdin, their results on stdout, one after another.

Each line is a command line without the program's name. Its result is printed as
JSON, then comes a line that is exactly `__MXGW_BATCH_EOR__`. A line that fails prints an
object with `error` and `type` "error" in place of a result, and the next one is read.
Only the end of input ends it; an empty line is skipped.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO, Final

import rich_click as click

from mxgateway.redact import REDACTED

from .app import execute, keys_in
from .environment import Environment, OutputClosed
from .errors import describe
from .output.documents import json_document
from .signals import Interrupted

__all__ = ["SENTINEL", "lines_of_stdin", "run_batch", "tokens"]

SENTINEL: Final = "__MXGW_BATCH_EOR__"

_MOST_LINE_BYTES: Final = 16 * 1024 * 1024  # with its line end
# click takes time by the square of their number: 100,000 take about a second.
_MOST_WORDS: Final = 100_000
_ELSEWHERE: Final = ("batch", "completion", "demo", "simulate")


def tokens(line: str) -> list[str]:
    r"""Return the words of a line, split as a POSIX shell does.

    Blanks separate words. In single quotes every character stands for itself, in
    double quotes a backslash protects `"` and `\`, elsewhere any character; so a
    Windows path needs single quotes, or slashes. Nothing is expanded, and `#` is no comment.

    Raises:
        UsageError: A quote is not closed, or a backslash ends the line.
    """
    words: list[str] = []
    parts: list[str] | None = None  # of the word that has begun
    at = 0
    while at < len(line):
        found = _PIECE.match(line, at)
        if found is None:
            what = (
                "nothing after the last backslash" if line[at] == "\\" else "no closing quotation"
            )
            raise click.UsageError(
                f"the line cannot be split into words: {what}; a Windows path needs single quotes"
            )
        at = found.end()
        if found["blank"] is None:
            parts = [] if parts is None else parts
            parts.append(_text(found))
        elif parts is not None:
            words.append("".join(parts))
            parts = None
    if parts is not None:
        words.append("".join(parts))
    return words


# Not by shlex, which takes time by the square of the length of a word.
_BLANK: Final = r" \t\r\n"
_PIECE: Final = re.compile(
    rf"""(?P<blank>[{_BLANK}]+)
    | '(?P<single>[^']*)'
    | "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
    | \\(?P<escaped>.)
    | (?P<plain>[^{_BLANK}'"\\]+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"""\\(["\\])""")


def _text(piece: re.Match[str]) -> str:
    """Return what a piece of a word stands for."""
    if piece["double"] is not None:
        return _ESCAPE.sub(r"\1", piece["double"])
    return piece["single"] or piece["escaped"] or piece["plain"] or ""


def lines_of_stdin() -> Iterator[bytes]:
    """Yield the lines of stdin as they come, without waiting for more than one.

    Of a line that is too long only as much is kept as shows that.
    """
    stdin: BinaryIO | None = None if sys.stdin is None else sys.stdin.buffer
    if stdin is None:
        return
    while line := stdin.readline(_MOST_LINE_BYTES + 1):
        yield line
        while len(line) > _MOST_LINE_BYTES and not line.endswith(b"\n"):
            line = stdin.readline(_MOST_LINE_BYTES + 1)
            if not line:
                return


def run_batch(environment: Environment, lines: Iterator[bytes], *, echo: bool) -> None:
    """Run every line until the end of input.

    Args:
        environment: Its `pool` keeps the connections.
        echo: Whether each line is shown on stderr, keys hidden, before it runs.

    Raises:
        OutputClosed: Nobody reads the results any more.
        Interrupted: Ctrl-C or a termination signal came.
    """
    for number, raw in enumerate(lines):
        if number == 0:
            raw = raw.removeprefix(b"\xef\xbb\xbf")  # PowerShell marks UTF-8 this way.
        # Without the line end: a backslash in front of it must not take it into a word.
        too_long = len(raw) > _MOST_LINE_BYTES
        raw = raw.rstrip(b"\r\n")
        if not (too_long or raw.strip()):
            continue
        # Flags and connection are those of the line; keys once seen stay secret for all.
        inner = replace(environment, json_errors=True, connection=None)
        try:
            if too_long:
                raise click.UsageError(
                    f"the line is longer than {_MOST_LINE_BYTES:,} bytes and is skipped; "
                    "give many tags or values in a file, as @FILE"
                )
            _run_line(inner, raw, echo=echo)
        except (OutputClosed, BrokenPipeError, Interrupted, KeyboardInterrupt):
            raise
        except Exception as error:
            _write_failure(inner, error)
        environment.write(SENTINEL + "\n")


def _run_line(environment: Environment, raw: bytes, *, echo: bool) -> None:
    try:
        line = raw.decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the line is no UTF-8: {error}") from error
    words = tokens(line)
    if len(words) > _MOST_WORDS:
        raise click.UsageError(
            f"the line has more than {_MOST_WORDS:,} words; give many tags in a file, as @FILE"
        )
    for key in keys_in(words):
        environment.keep_secret(key)
    if echo:
        environment.say(_shown(words, environment))
    if words and words[0] in _ELSEWHERE:
        raise click.UsageError(f"{words[0]} cannot run within a batch; run it by itself")
    if {"-h", "--help", "--version", "-V"} & set(words):
        raise click.UsageError("a batch answers in JSON; ask for help outside of it")
    execute(words, environment)


_SECRET: Final = frozenset({"--api-key", "--token", "--control-token"})
_OF_SECURED: Final = frozenset({"--value", "--values"})


def _shown(words: list[str], environment: Environment) -> str:
    """Return the words of a line as they may be shown: without keys and secured values."""
    secret = _SECRET
    signed = False
    if words and words[0].startswith("write-secured"):
        secret = _SECRET | _OF_SECURED
    elif words and words[0] == "write":
        signed = "MXGATEWAY_WRITE_USER" in environment.variables
        signed = signed or any(word.partition("=")[0] == "--user" for word in words)
    shown: list[str] = []
    before = ""
    for place, word in enumerate(words):
        name, equals, _ = word.partition("=")
        # Which of the words of a signed write is its value only the command knows; its tag and
        # the names of options are enough to tell the line.
        hidden = signed and place > 1 and (not word.startswith("--") or "--" in words[:place])
        if before in secret or hidden:
            shown.append(REDACTED)
        elif equals and name in secret:
            shown.append(f"{name}={REDACTED}")
        else:
            # Before it is quoted: in quotes a secret would not be found.
            shown.append(shlex.quote(environment.redact(word)).replace(f"'{REDACTED}'", REDACTED))
        before = "" if equals else word
    return " ".join(shown)


def _write_failure(environment: Environment, error: Exception) -> None:
    failure = describe(error, environment)
    answer: dict[str, Any] = {
        "error": failure.facts["message"],
        "type": "error",
        "exitCode": int(failure.code),
        "details": failure.facts,
    }
    environment.write(json_document(environment.redact_all(answer)))
