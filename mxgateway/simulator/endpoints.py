"""`host:port` as text and as a pair."""

from __future__ import annotations

from typing import Final

from mxgateway.errors import ConfigurationError

__all__ = ["host_and_port", "shown_endpoint"]

# Python refuses to read numbers of thousands of digits, in words of its own.
_MOST_DIGITS: Final = 18


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[ipv6]:port`.

    Raises:
        ConfigurationError: It is neither.
    """
    host, found, port = endpoint.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    whole = port.isascii() and port.isdecimal() and len(port) <= _MOST_DIGITS
    if not found or not host or not whole or int(port) > 65_535:
        raise ConfigurationError(f"give host:port, for example 127.0.0.1:5000, not {endpoint!r}")
    return host, int(port)


def shown_endpoint(host: str, port: int) -> str:
    """Return `host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
