"""A certificate for a simulator that has none: signed by itself, made by a tool at hand.

Python itself makes no certificates (docs/decisions/0015-certificates-of-the-simulator.md).
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.server import TlsFiles

__all__ = ["SimulatorCertificate", "certificate_in", "fingerprint_of"]

_CA, _CERTIFICATE, _KEY = "ca.pem", "server.pem", "server-key.pem"
_DAYS = 3650  # as the gateway itself does (gateway semantics, section 1)
_SECONDS = 60  # for openssl to make a key on a slow machine
_NAME = re.compile(r"[A-Za-z0-9.:*-]+")
_USUAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class SimulatorCertificate:
    """Certificate and key of a simulator, in files.

    Attributes:
        files: What `Simulator(tls=...)` takes.
        ca_file: The PEM file that clients have to trust.
        fingerprint: SHA-256 of the server's certificate, hex in upper case with colons.
    """

    files: TlsFiles
    ca_file: str
    fingerprint: str


def certificate_in(folder: str | PathLike[str], names: Iterable[str] = ()) -> SimulatorCertificate:
    """Return the certificate that is kept in `folder`, made now where there is none.

    It is made by the program `openssl`, or else by the package trustme, and is valid for
    ten years, as that of the gateway, for `names`, localhost and the loopback addresses.
    Only the owner can read the key. To have a new one, delete the files.

    Args:
        folder: Where the files are; made where it does not exist.
        names: Host names and addresses that clients will use.

    Raises:
        ConfigurationError: Neither openssl nor trustme is there, openssl failed, a name is
            no host name, or the files cannot be read or written.
    """
    place = Path(folder)
    wanted = list(dict.fromkeys([*names, *_USUAL_NAMES]))
    for name in wanted:
        if _NAME.fullmatch(name) is None:
            raise ConfigurationError(f"{name!r} is no host name that a certificate can have")
    ca, certificate, key = (place / name for name in (_CA, _CERTIFICATE, _KEY))
    try:
        if not (ca.exists() and certificate.exists() and key.exists()):
            place.mkdir(parents=True, exist_ok=True)
            _make(place, wanted)
        fingerprint = fingerprint_of(certificate)
    except OSError as error:
        raise ConfigurationError(
            f"cannot keep a certificate in {place}: {error}; choose another folder"
        ) from error
    return SimulatorCertificate(TlsFiles(certificate, key), os.fspath(ca), fingerprint)


def fingerprint_of(certificate: str | PathLike[str]) -> str:
    """Return the SHA-256 of the first certificate in a PEM file, upper case with colons.

    Raises:
        OSError: The file cannot be read.
        ConfigurationError: There is no certificate in it.
    """
    text = Path(certificate).read_text("ascii", errors="replace")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        first = text[text.index(begin) : text.index(end) + len(end)]
        der = ssl.PEM_cert_to_DER_cert(first)
    except ValueError as error:
        raise ConfigurationError(f"{os.fspath(certificate)} holds no PEM certificate") from error
    return hashlib.sha256(der).digest().hex(":").upper()


def _make(place: Path, names: list[str]) -> None:
    openssl = shutil.which("openssl")
    if openssl is not None:
        _make_with_openssl(openssl, place, names)
        return
    try:
        import trustme
    except ImportError:
        raise ConfigurationError(
            "a certificate is made by the program openssl or the package trustme, and neither "
            "is here: install one (pip install trustme), or give a certificate of your own"
        ) from None
    authority = trustme.CA()
    server = authority.issue_cert(*names)
    _write_private(place / _KEY, server.private_key_pem.bytes())
    server.cert_chain_pems[0].write_to_path(place / _CERTIFICATE)
    authority.cert_pem.write_to_path(place / _CA)


def _make_with_openssl(openssl: str, place: Path, names: list[str]) -> None:
    # The key file exists before openssl writes it, so that nobody else can read it meanwhile.
    _write_private(place / _KEY, b"")
    config = place / "openssl.cnf"
    config.write_text(_config(names), encoding="ascii")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256"]
    command += ["-days", str(_DAYS), "-config", str(config)]
    command += ["-keyout", str(place / _KEY), "-out", str(place / _CERTIFICATE)]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, the program found on PATH
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"{openssl} made no certificate within {_SECONDS} s") from None
    finally:
        config.unlink()
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigurationError(
            f"{openssl} made no certificate: {said[-1] if said else f'exit code {done.returncode}'}"
        )
    # Signed by itself, so it is its own authority.
    shutil.copyfile(place / _CERTIFICATE, place / _CA)


def _config(names: list[str]) -> str:
    alternatives = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    return (
        "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = extensions\n"
        "[name]\nCN = mxgateway simulator\n"
        "[extensions]\n"
        # No authority: who trusts it trusts this certificate alone.
        "basicConstraints = critical,CA:FALSE\n"
        "keyUsage = critical,digitalSignature,keyEncipherment\n"
        "extendedKeyUsage = serverAuth\n"
        "subjectKeyIdentifier = hash\n"
        f"subjectAltName = {alternatives}\n"
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; on Windows its folder decides that."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
