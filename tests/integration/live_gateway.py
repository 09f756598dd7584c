"""The gateway that the integration checks run against, as its variables describe it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mxgateway import ClientOptions, ConfigurationError, MxDataType, __version__

__all__ = ["TYPES", "LiveGateway", "wanted"]

TYPES = {
    MxDataType.BOOLEAN: "bool",
    MxDataType.INTEGER: "int32",
    MxDataType.FLOAT: "float",
    MxDataType.DOUBLE: "double",
    MxDataType.TIME: "time",
    MxDataType.ELAPSED_TIME: "elapsed",
}
"""How the text to write is read, by the type that the item turns out to have."""

_YES = frozenset({"1", "true", "yes", "on"})


def wanted(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether the checks shall run."""
    return _is_set(variables, "MXGATEWAY_INTEGRATION")


@dataclass(frozen=True, kw_only=True)
class LiveGateway:
    """Where the gateway is, what to try there, and how to show it without its keys.

    Attributes:
        options: How to reach it.
        item: The tag to read, and to write where there is a value.
        write_value: The text of the value to write; empty for no write.
        read_only_key: A key that must not write; None without one.
        seconds: The longest wait for one thing, such as a first value.
    """

    options: ClientOptions
    item: str
    write_value: str
    read_only_key: str | None = field(repr=False)
    seconds: float

    @classmethod
    def of(cls, variables: Mapping[str, str] = os.environ) -> LiveGateway:
        """Read the variables; an empty one counts as not set.

        Raises:
            ConfigurationError: A setting is wrong, or contradicts another one.
        """

        def text(name: str) -> str | None:
            return variables.get(f"MXGATEWAY_{name}", "").strip() or None

        try:
            seconds = float(text("TIMEOUT") or 60.0)
        except ValueError:
            raise ConfigurationError(
                f"MXGATEWAY_TIMEOUT: give seconds, not {text('TIMEOUT')!r}"
            ) from None
        settings: dict[str, Any] = {
            "endpoint": text("ENDPOINT") or "localhost:5000",
            "api_key": text("API_KEY"),
            "plaintext": _is_set(variables, "MXGATEWAY_PLAINTEXT"),
            "insecure": _is_set(variables, "MXGATEWAY_INSECURE"),
            "call_timeout": seconds,
        }
        for name in ("CA_FILE", "FINGERPRINT", "SERVER_NAME_OVERRIDE", "CLIENT_CERT", "CLIENT_KEY"):
            settings[name.lower()] = text(name)
        return cls(
            options=ClientOptions(**settings),
            item=text("TEST_ITEM") or "TestChildObject.TestInt",
            write_value=text("TEST_WRITE_VALUE") or "",
            read_only_key=text("TEST_READ_ONLY_KEY"),
            seconds=seconds,
        )

    def __str__(self) -> str:
        options = self.options
        security = "plaintext" if options.plaintext else "TLS"
        key = "no key" if options.api_key is None else "key *** from MXGATEWAY_API_KEY"
        return f"mxgateway {__version__} (Python) to {options.target}, {security}, {key}"


def _is_set(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").strip().lower() in _YES
