"""What must not be seen: passwords and values of secured writes, taken out of every error."""

from __future__ import annotations

from typing import Any, Final

from mxgateway.codec import encode
from mxgateway.errors import EncodeError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import MxValue
from mxgateway.redact import REDACTED, redact

__all__ = ["hide", "secured_value", "texts_of"]

# Shorter texts are part of too many words; replacing them would hide the message itself.
_SHORTEST_TEXT: Final = 4

# Where an error quotes the peer, and what in `to_dict` are words of the contract instead.
_QUOTING: Final = ("message", "status_message", "details", "trailing_metadata", "_shown")
_WORDS: Final = frozenset({"code", "category", "detectedBy"})


def hide(error: MxGatewayError, secrets: tuple[str, ...]) -> None:
    """Replace every secret in the texts of an error by `***`, in place.

    The reply itself, where the error carries one, stays as it came.
    """
    secrets = tuple(secret for secret in secrets if secret)
    if not secrets:
        return
    facts = vars(error)
    for name in _QUOTING:
        if name in facts:
            facts[name] = _hidden(facts[name], secrets)
    error.args = (error.message,)


def _hidden(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return redact(value, *secrets)
    if isinstance(value, bytes):
        for secret in secrets:
            value = value.replace(secret.encode(errors="surrogatepass"), REDACTED.encode())
        return value
    if isinstance(value, list | tuple):
        return type(value)(_hidden(part, secrets) for part in value)
    if isinstance(value, dict):
        return {k: v if k in _WORDS else _hidden(v, secrets) for k, v in value.items()}
    return value


def texts_of(*values: MxValue | None) -> tuple[str, ...]:
    """Return the texts among values of a secured write, for `hide`.

    Numbers are left out: replacing them would take HRESULTs and details apart.
    """
    found = [text for value in values if value is not None for text in _texts(value)]
    return tuple(text for text in found if len(text) >= _SHORTEST_TEXT)


def _texts(value: MxValue) -> list[str]:
    if value.string_value is not None:
        return [value.string_value]
    if value.array_value is not None and value.array_value.string_values is not None:
        return list(value.array_value.string_values.values)
    if value.sparse_array_value is not None:
        return [
            text
            for element in value.sparse_array_value.elements
            if element.value is not None
            for text in _texts(element.value)
        ]
    return []


def secured_value(value: MxValue, where: str) -> MxValue:
    """Return the value of a secured write if it can be sent.

    Raises:
        EncodeError: It cannot; unlike the codec's own error this one does not show it.
    """
    try:
        encode(value)
    except EncodeError as exc:
        field = exc.field
    else:
        return value
    raise EncodeError(
        "MxValue",
        field,
        f"{where}: the value does not fit; it is not shown, because the write is secured",
    )
