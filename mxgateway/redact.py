"""Keeps credentials out of what a person or a log sees: hidden texts, and texts cleaned of them."""

from __future__ import annotations

import re
from typing import Self, TypeVar

from mxgateway.printable import printable

__all__ = ["REDACTED", "Secret", "hidden", "redact"]

REDACTED = "***"

_T = TypeVar("_T")

# A gateway key is `mxgw_<key-id>_<secret>`; the secret may hold underscores and
# other token characters, so everything after the prefix goes.
_KEY = re.compile(r"mxgw_[^\s\"'<>,;:()\[\]{}]+", re.IGNORECASE)
_BEARER = re.compile(r"(bearer[\s=:\"']+)[^\s\"'<>,;()\[\]{}]+", re.IGNORECASE)


class Secret(str):
    """A text that is not shown: `repr`, `str` and formatting give `***`.

    So it stays hidden in tracebacks that show local variables, in f-strings and in logs. It is
    equal to the text that it holds; `reveal()` returns that text for where it has to go.
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        # The text of another Secret as well: `str` of that one would give what stands for it.
        return super().__new__(cls, str.__str__(text))

    def reveal(self) -> str:
        """Return the text itself."""
        return str.__str__(self)

    def __repr__(self) -> str:
        return repr(REDACTED)

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, format_spec: str) -> str:
        return format(REDACTED, format_spec)


def hidden(value: _T) -> _T | Secret:
    """Return a credential as a Secret, before anything is done with it that can raise.

    What is no text stays as it is.
    """
    if isinstance(value, str) and not isinstance(value, Secret):
        return Secret(value)
    return value


def redact(text: str, *secrets: str | None) -> str:
    """Return `text` with every gateway key, bearer token and given secret replaced by `***`.

    The whole token is replaced wherever it stands; no leading or trailing
    characters of it are kept. A secret is also found where it was quoted or escaped before.
    """
    for secret in secrets:
        if secret:
            for form in _forms(str.__str__(secret)):
                text = text.replace(form, REDACTED)
    text = _KEY.sub(REDACTED, text)
    return _BEARER.sub(rf"\g<1>{REDACTED}", text)


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a text: as it is, escaped, and inside of quotes."""
    if printable(secret) == secret and "\\" not in secret and "'" not in secret:
        return {secret}
    quoted = repr(secret)[1:-1]
    return {secret, printable(secret), quoted, quoted.replace("\\'", "'")}
