"""Passwords of users of the plant: from a variable, a file or the keyboard, never from argv."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

import rich_click as click

from ..environment import Environment
from ..text_files import decoded, lines_in, read_named

__all__ = ["PasswordSource"]

_MOST_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where a password is.

    Attributes:
        variable: Name of an environment variable, or None.
        file: Path of a file with nothing else on its first line, or None.
        option: What the options begin with, for messages.
    """

    variable: str | None = None
    file: str | None = None
    option: str = "--password"

    def read(self, environment: Environment, user: str) -> str:
        """Return the password of `user`, kept out of everything that is written.

        Raises:
            UsageError: There is none at that place, both places were given, or there is no
                terminal to ask at.
        """
        password = self._read(environment, user)
        environment.keep_secret(password)
        return password

    def _read(self, environment: Environment, user: str) -> str:
        if self.variable is not None and self.file is not None:
            raise click.UsageError(f"give {self.option}-env or {self.option}-file, not both")
        if self.variable is not None:
            password = environment.variables.get(self.variable, "")
            if not password:
                raise click.UsageError(
                    f"{self.option}-env: the environment variable {self.variable} is not set "
                    "or empty"
                )
            return password
        if self.file is not None:
            return self._from_file(self.file)
        if sys.stdin is None or not sys.stdin.isatty():
            raise click.UsageError(
                f"there is no terminal to ask for the password of {user}; give "
                f"{self.option}-env or {self.option}-file"
            )
        return environment.ask_hidden(f"Password of {user}")

    def _from_file(self, path: str) -> str:
        try:
            lines = lines_in(decoded(read_named(path, _MOST_BYTES)))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"it {error}"
            raise click.UsageError(
                f"{self.option}-file: {path!r} cannot be read: {reason}"
            ) from error
        if not lines or not lines[0]:
            raise click.UsageError(
                f"{self.option}-file: {path!r} has no password on its first line"
            )
        return lines[0]
