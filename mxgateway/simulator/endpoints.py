"""`host:port` as text and as a pair."""

from __future__ import annotations

from mxgateway.errors import ConfigurationError

__all__ = ["host_and_port", "shown_endpoint"]


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[ipv6]:port`.

    Raises:
        ConfigurationError: It is neither.
    """
    host, found, port = endpoint.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not found or not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigurationError(f"give host:port, for example 127.0.0.1:5000, not {endpoint!r}")
    return host, int(port)


def shown_endpoint(host: str, port: int) -> str:
    """Return `host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
