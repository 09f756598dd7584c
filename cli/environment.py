"""What one run of the command line stands in: streams, variables, and what is secret in it.

All that leaves the command line goes through here. What people read passes `show`, `say` and
their like, line by line: whatever is not printable in a line is escaped, so that no text of a
gateway, a certificate or a file can steer the terminal or forge a line. What programs read,
whose format escapes by itself, passes `write` and `say_json`. Pictures are drawn by the console
of `output.console`, which keeps the same promise.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TextIO

import click

from mxgateway.printable import printable
from mxgateway.redact import redact

from .output.documents import json_line
from .output.text import on_screen, shortened_within
from .settings.keys import is_literal

if TYPE_CHECKING:
    from .connection import Connection
    from .pool import ClientPool

__all__ = ["Environment", "OutputClosed", "OutputFailed"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_AT_ONCE = 1 << 16  # characters that are written together
_EINVAL = 22  # What Windows reports for a write to a pipe whose reader is gone.


class OutputClosed(Exception):  # noqa: N818 - an outcome, no error
    """The reader of stdout has gone away; an ordinary end, not an error."""


class OutputFailed(Exception):  # noqa: N818 - beside OutputClosed
    """Stdout cannot take the result, as on a full disk."""


@dataclass(slots=True)
class Environment:
    """Streams, variables and run-wide facts, passed to every command as the click object.

    Attributes:
        variables: The environment variables.
        stdout: Results only.
        stderr: Everything else.
        debug: Whether unexpected errors show their traceback.
        json_errors: Whether errors are written as one JSON object.
        quiet: Whether notes are left out.
        verbose: Whether facts about connection and time are written.
        connection: The connection settings of the running command, once they are known.
        secrets: Texts that must not appear on either stream.
        pool: The connections that the lines of a batch share, or None outside of one.
        batch: The connection options of the surrounding `batch`, by name.
    """

    variables: Mapping[str, str] = field(repr=False)
    stdout: TextIO
    stderr: TextIO
    debug: bool = False
    json_errors: bool = False
    quiet: bool = False
    verbose: bool = False
    connection: Connection | None = None
    secrets: set[str] = field(default_factory=set, repr=False)
    pool: ClientPool | None = None
    batch: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_process(cls) -> Self:
        """Take streams and variables of the process; a missing stream becomes the null device."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A legacy code page must never end a command: what it cannot show is escaped.
                stream.reconfigure(errors="backslashreplace")
        variables = os.environ
        return cls(
            variables=variables,
            stdout=_stream_or_null(sys.stdout),
            stderr=_stream_or_null(sys.stderr),
            debug=variables.get("MXGATEWAY_DEBUG", "").strip().lower() in _TRUE,
        )

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout. Only the stream itself decides, no colour variable."""
        return self.stdout.isatty()

    def show(self, *lines: str) -> None:
        """Write lines for people to stdout, each in its own line whatever stands in it.

        A terminal gets no more of a line than `output.text.on_screen` lets through.

        Raises:
            OutputClosed, OutputFailed: As for `write`.
        """
        shown = map(on_screen, lines) if self.is_terminal else lines
        self.write("".join(f"{printable(line)}\n" for line in shown))

    def show_all(self, lines: Iterable[str]) -> None:
        """Write any number of lines as `show` does, some at a time, as they are made.

        Raises:
            OutputClosed, OutputFailed: As for `write`.
        """
        waiting: list[str] = []
        size = 0
        for line in lines:
            waiting.append(line)
            size += len(line) + 1
            if size >= _AT_ONCE:
                self.show(*waiting)
                waiting, size = [], 0
        if waiting:
            self.show(*waiting)

    def write(self, text: str) -> None:
        """Write results in a format of programs to stdout, as they are, and flush them.

        Raises:
            OutputClosed: Nobody reads stdout any more.
            OutputFailed: It cannot be written for another reason.
        """
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosed from error
        except OSError as error:
            if os.name == "nt" and error.errno == _EINVAL:
                raise OutputClosed from error
            raise OutputFailed(
                f"the output cannot be written: {error.strerror or error}"
            ) from error

    def say(self, *lines: str) -> None:
        """Write lines for people to stderr, secrets taken out; each stays one line.

        Of one that is too long to be read the rest is counted.
        """
        self._to_stderr("\n".join(map(self._line, lines)))

    def note(self, *lines: str) -> None:
        """Say what is worth knowing but no error; nothing under --quiet."""
        if not self.quiet:
            self.say(*lines)

    def fact(self, *lines: str) -> None:
        """Say something about connection or time; only under --verbose."""
        if self.verbose:
            self.say(*lines)

    def confirm(self, question: str) -> bool:
        """Ask the person at the keyboard, on stderr, for yes or no; no is the default."""
        return click.confirm(self._line(question), err=True)

    def ask_hidden(self, question: str) -> str:
        """Ask the person at the keyboard, on stderr, for what must not be seen."""
        answer: str = click.prompt(self._line(question), hide_input=True, err=True)
        return answer

    def _line(self, text: str) -> str:
        # Shortened after secrets are out: of a part of one nobody knows that it is one. In the
        # middle, for the end of a message says what to do.
        return printable(shortened_within(self.redact(text)))

    def keep_secret(self, key: str) -> None:
        """Take `key` out of everything that is written; a word for its place is no secret."""
        if key and is_literal(key):
            self.secrets.add(key)

    def say_json(self, content: Any) -> None:
        """Write one JSON object to stderr, secrets taken out of every text in it."""
        # Taken out before the text is quoted: a quoted secret would not be found.
        self._to_stderr(json_line(self.redact_all(content)))

    def redact_all(self, content: Any) -> Any:
        """Return plain JSON types with secrets taken out of every text."""
        if isinstance(content, str):
            return self.redact(content)
        if isinstance(content, dict):
            return {name: self.redact_all(value) for name, value in content.items()}
        if isinstance(content, list | tuple):
            return [self.redact_all(value) for value in content]
        return content

    def _to_stderr(self, line: str) -> None:
        try:
            self.stderr.write(line + "\n")
            self.stderr.flush()
        except OSError:
            # There is nowhere left to report that stderr is gone; the exit code still tells.
            return

    def redact(self, text: str) -> str:
        """Return `text` without the secrets known so far and without anything like a key."""
        return redact(text, *sorted(self.secrets, key=len, reverse=True))


def _stream_or_null(stream: TextIO | None) -> TextIO:
    # Under pythonw, or with `>&-`, the interpreter has None in place of a stream.
    return io.StringIO() if stream is None else stream
