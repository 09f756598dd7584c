"""The settings that commands share: one table, from which come options, variables and profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import rich_click as click

from mxgateway.redact import Secret

from ..numbers import FiniteRange
from .keys import is_literal
from .limits import LimitsText

__all__ = ["CONNECTION", "OUTPUT", "PLACES", "SETTINGS", "Setting", "words_of"]

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_SECONDS: Final = FiniteRange(min=0, min_open=True)


class _KeyText(click.ParamType[str]):
    """A key is hidden before anything is done with it; the word for its place is not."""

    name = "text"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str:
        return Secret(value) if is_literal(value) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that can be set by option, by variable and, where it fits, in a profile.

    Attributes:
        name: Key in a profile; option and variable are made of it.
        help: What it does, in one sentence.
        panel: Heading of its option in the help.
        metavar: What stands for the value in the help; None for a flag.
        kind: How text becomes the value; None for a flag.
        default: Its value where nothing sets it.
        secret: Whether the value must never be shown.
        in_profile: Whether a profile can hold it.
        repeated: Whether the option, which is called by the singular, may be given again.
    """

    name: str
    help: str
    panel: str
    metavar: str | None = None
    kind: click.ParamType[Any] | None = None
    default: Any = None
    secret: bool = False
    in_profile: bool = False
    repeated: bool = False

    @property
    def option(self) -> str:
        """The option, such as `--ca-file`."""
        name = self.name.removesuffix("s") if self.repeated else self.name
        return "--" + name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as `MXGATEWAY_CA_FILE`."""
        return "MXGATEWAY_" + self.name.upper()

    @property
    def is_flag(self) -> bool:
        """Whether it is on or off."""
        return self.metavar is None

    def parse(self, text: str) -> Any:
        """Return the value that a text stands for.

        Raises:
            ValueError: It stands for none; the text says why.
        """
        if self.is_flag:
            lowered = text.strip().lower()
            if lowered in _TRUE:
                return True
            if lowered in _FALSE:
                return False
            raise ValueError(f"is {text!r}; set it to 1 for yes or to 0 for no")
        if self.kind is None:
            return text
        try:
            return self.kind.convert(text, None, None)
        except click.BadParameter as error:
            raise ValueError(f"is {text!r}: {error.message}") from error


def _connection(name: str, help_text: str, metavar: str | None = None, **more: Any) -> Setting:
    return Setting(
        name=name, help=help_text, metavar=metavar, panel="Connection", in_profile=True, **more
    )


CONNECTION: Final = (
    _connection("endpoint", "Where the gateway listens.", "HOST:PORT", default="localhost:5000"),
    _connection(
        "api_key",
        "API key, or where it is: env:NAME, file:PATH or prompt. Others can see command lines.",
        "KEY",
        kind=_KeyText(),
        secret=True,
    ),
    _connection("api_key_env", "Variable that holds the API key; same as env:NAME.", "NAME"),
    _connection("plaintext", "HTTP/2 without TLS."),
    _connection("tls", "TLS. One of --plaintext and --tls must be chosen; it is never guessed."),
    _connection("ca_file", "Certificates to trust in place of the system's.", "PEM"),
    _connection("fingerprint", "SHA-256 that the gateway's certificate must have.", "HEX"),
    _connection(
        "server_name_override", "Name to expect in the certificate in place of the host.", "NAME"
    ),
    _connection("client_cert", "Certificate to show to the gateway.", "PEM"),
    _connection("client_key", "Private key of --client-cert, unencrypted.", "PEM"),
    _connection("insecure", "TLS that accepts any certificate; for experiments only."),
    _connection(
        "timeout",
        "Longest time for the whole command or stream; without it 30 for each call.",
        "SECONDS",
        kind=_SECONDS,
    ),
    _connection(
        "limits",
        "Most that the gateway may send: NAME=NUMBER, such as max_depth=200; may be repeated.",
        "LIMIT",
        kind=LimitsText(),
        repeated=True,
    ),
)

PLACES: Final = (
    Setting(
        name="profile",
        help="Profile with the connection settings; see `profile`.",
        metavar="NAME",
        panel="Connection",
    ),
    Setting(
        name="config",
        help="File of the profiles in place of the user's own.",
        metavar="FILE",
        panel="Connection",
    ),
)

OUTPUT: Final = (
    Setting(
        name="output",
        help="table for people (default), json for one document, jsonl for one object per line, "
        "csv for a header and rows.",
        metavar="FORMAT",
        kind=click.Choice(["table", "json", "jsonl", "csv"]),
        panel="Output",
    ),
    Setting(
        name="fields",
        help="Members to show, such as sessionId,value.dataType, in any format.",
        metavar="NAMES",
        panel="Output",
    ),
    Setting(
        name="csv_safe",
        help="An apostrophe before CSV cells that spreadsheets take for formulas.",
        panel="Output",
    ),
    Setting(name="quiet", help="No notes on stderr, only errors.", panel="Output"),
    Setting(name="verbose", help="Connection facts and times on stderr.", panel="Output"),
    Setting(name="debug", help="Show the traceback of errors and the log.", panel="Output"),
)

SETTINGS: Final = (*CONNECTION, *PLACES, *OUTPUT)


def words_of(text: str) -> tuple[str, ...]:
    """Return the parts of a text between commas, blanks around them and empty ones left out."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
