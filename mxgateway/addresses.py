"""Which addresses lead to this computer itself, so that nothing sent there passes a network."""

from __future__ import annotations

import ipaddress

__all__ = ["is_loopback"]


def is_loopback(host: str) -> bool:
    """Whether a host, as a person writes it or as the system tells it of a connection, is local.

    Names other than `localhost` are looked up by nobody here; they count as other computers.
    Those are loopback addresses: 127.0.0.0/8, ::1 (RFC 6890), and the former written as IPv6.
    """
    name = host.strip().lower().removesuffix(".")
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback
