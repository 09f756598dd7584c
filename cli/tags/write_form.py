"""`write TAG VALUE`: the arguments and options of this form, which the command takes in.

The command `write` has two forms. `tag_write_options` adds what belongs to this one and
gives it to the function as `form`; where `form.given`, the command returns
`write_tags(invocation, form, type_name)` and looks at nothing else.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import rich_click as click

from ..exit_codes import ExitCode
from ..options import Invocation, complete_tag_or_file
from .passwords import PasswordSource

__all__ = ["TagWriteForm", "tag_write_options", "write_tags"]

_PANEL: Final = "Write by tag"
_NUMBER: Final = re.compile(r"-(\d|\.\d|inf|nan)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TagWriteForm:
    """What was given for a write by tag.

    Attributes:
        targets: Tag and value, or `@FILE` or `-` for several writes.
        user: Who writes, or None.
        verifier: Who confirms a verified write, or None.
        password: Where the user's password is.
        verifier_password: Where the verifier's password is.
    """

    targets: tuple[str, ...] = ()
    user: str | None = None
    verifier: str | None = None
    password: PasswordSource = field(default_factory=PasswordSource)
    verifier_password: PasswordSource = field(default_factory=PasswordSource)

    @property
    def given(self) -> bool:
        """Whether anything of this form was given."""
        return bool(self.targets or self.user or self.verifier)


def tag_write_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add TAG VALUE and the users of secured writes; the function gets them as `form`."""

    @functools.wraps(function)
    def wrapper(
        *arguments: Any,
        targets: tuple[str, ...],
        user: str | None,
        verifier: str | None,
        password_env: str | None,
        password_file: str | None,
        verifier_password_env: str | None,
        verifier_password_file: str | None,
        **rest: Any,
    ) -> Any:
        form = TagWriteForm(
            _checked(targets),
            user,
            verifier,
            PasswordSource(password_env, password_file, "--password"),
            PasswordSource(verifier_password_env, verifier_password_file, "--verifier-password"),
        )
        return function(*arguments, form=form, **rest)

    result: Callable[..., Any] = wrapper
    for option in reversed(_OPTIONS):
        result = option(result)
    return result


def _checked(targets: tuple[str, ...]) -> tuple[str, ...]:
    # The command takes unknown options for arguments, as -5 is a value; a misspelt option is none.
    for word in targets[:-1] if len(targets) == 2 else targets:
        if word.startswith("-") and word != "-" and not _NUMBER.match(word):
            raise click.UsageError(f"No such option: {word}")
    return targets


def write_tags(invocation: Invocation, form: TagWriteForm, type_name: str | None) -> ExitCode:
    """Write what the form says, wait for how it ends, and show that.

    Args:
        type_name: A type of `parse_value`; None for that of the tag.

    Raises:
        UsageError: The form is incomplete, or an input file is wrong; nothing was sent.
        ConfigurationError: A value does not fit the type that was given; nothing was sent.
        MxGatewayError: Nothing could be written: no connection, no session.
    """
    from .writing import write_all

    return write_all(invocation, form, type_name)


_OPTIONS: Final = (
    click.argument(
        "targets", nargs=-1, metavar="[TAG VALUE | @FILE | -]", shell_complete=complete_tag_or_file
    ),
    click.option(
        "--user",
        metavar="NAME",
        help="Who signs for a secured write; DOMAIN\\user for a Windows user.",
        panel=_PANEL,
    ),
    click.option(
        "--password-env", metavar="NAME", help="Variable with the user's password.", panel=_PANEL
    ),
    click.option(
        "--password-file",
        type=click.Path(),
        metavar="FILE",
        help="File with the user's password.",
        panel=_PANEL,
    ),
    click.option(
        "--verifier",
        metavar="NAME",
        help="Who confirms a verified write; another user.",
        panel=_PANEL,
    ),
    click.option(
        "--verifier-password-env",
        metavar="NAME",
        help="Variable with the verifier's password.",
        panel=_PANEL,
    ),
    click.option(
        "--verifier-password-file",
        type=click.Path(),
        metavar="FILE",
        help="File with the verifier's password. What is not given is asked for.",
        panel=_PANEL,
    ),
)
