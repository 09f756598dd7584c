"""The way to the gateway: name lookup, TCP, certificate, trust and ALPN."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Final

import anyio

from mxgateway.addresses import is_loopback
from mxgateway.errors import MxGatewayError
from mxgateway.options import ClientOptions

from ..exit_codes import ExitCode
from .certificate import Certificate, look_at_certificate
from .findings import Report

__all__ = ["check_network", "check_tls"]

_SOON_SECONDS: Final = 30 * 86_400.0
_MOST_ADDRESSES: Final = 8


async def check_network(report: Report, options: ClientOptions) -> bool:
    """Look up the host and connect to each of its addresses; return whether one answered."""
    started = time.perf_counter()
    try:
        with anyio.fail_after(options.connect_timeout):
            found = await anyio.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        report.failed(
            "name",
            f"{options.host!r} cannot be looked up: {reason}",
            "Check the spelling of the host and the DNS of this machine, or give an address.",
            ExitCode.CONNECT,
        )
        return False
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]
    report.ok(
        "name",
        f"{options.host} is {', '.join(addresses)} ({_ms(started)})",
        addresses=addresses,
    )
    answered, refused = [], []
    for address in addresses:
        started = time.perf_counter()
        problem = await _connect(address, options)
        if problem is None:
            answered.append(f"{address} ({_ms(started)})")
        else:
            refused.append(f"{address}: {problem}")
    _tell_tcp(report, options, answered, refused)
    return bool(answered)


async def _connect(address: str, options: ClientOptions) -> str | None:
    try:
        with anyio.fail_after(options.connect_timeout):
            stream = await anyio.connect_tcp(address, options.port)
    except TimeoutError:
        return f"no answer within {options.connect_timeout:g} s"
    except OSError as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        return cause.strerror or str(cause)
    with suppress(OSError):  # What closing says is not what was asked.
        await stream.aclose()
    return None


def _tell_tcp(
    report: Report, options: ClientOptions, answered: list[str], refused: list[str]
) -> None:
    advice = (
        "Check the port, whether the gateway runs and listens on this address, and firewalls "
        "in between."
    )
    if not answered:
        report.failed(
            "tcp",
            f"nothing answers on port {options.port}: {'; '.join(refused)}",
            advice,
            ExitCode.CONNECT,
        )
    elif refused:
        report.warning(
            "tcp",
            f"{', '.join(answered)} answered, but not {'; '.join(refused)}",
            "Connecting takes longer where the first address does not answer; give the other one.",
        )
    else:
        report.ok("tcp", f"port {options.port} answers: {', '.join(answered)}")


async def check_tls(report: Report, options: ClientOptions) -> None:
    """Look at the certificate, and say what speaks against it; trust is judged by connecting."""
    if options.plaintext:
        _tell_plaintext(report, options)
        return
    try:
        certificate = await look_at_certificate(options)
    except MxGatewayError as error:
        report.error("certificate", error)
        return
    text = f"for {', '.join(certificate.names) or 'no names'}, valid {certificate.validity()}"
    more = (
        f"subject {certificate.subject}",
        f"signed by {'itself' if certificate.self_signed else certificate.issuer}",
        f"SHA-256 {certificate.fingerprint}",
    )
    advice = _date_advice(certificate)
    if advice is None:
        report.ok("certificate", text, more=more, **certificate.to_dict())
    else:
        report.warning("certificate", text, advice, more=more, **certificate.to_dict())
    if certificate.alpn == "h2":
        report.ok("alpn", f"HTTP/2 was chosen ({certificate.tls_version})")
    else:
        report.failed(
            "alpn",
            f"the server chose {certificate.alpn or 'no protocol'} where gRPC needs h2",
            "Check that the port is the gateway's and that no proxy stands in between.",
            ExitCode.TLS,
        )


def _date_advice(certificate: Certificate) -> str | None:
    now = time.time()
    if now > certificate.not_after:
        return "It has expired: renew it at the gateway, or check the clock of this machine."
    if now < certificate.not_before:
        return "It is not valid yet: check the clocks of this machine and of the gateway."
    if certificate.not_after - now < _SOON_SECONDS:
        days = int((certificate.not_after - now) // 86_400)
        return f"It expires in {days} days: renew it at the gateway."
    return None


def _tell_plaintext(report: Report, options: ClientOptions) -> None:
    text = "plaintext, as chosen: no certificate, no encryption"
    if is_loopback(options.host):
        report.ok("tls", text)
        return
    report.warning(
        "tls", text, "Others on the network can read the API key and change values; prefer --tls."
    )


def _ms(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.1f} ms"
