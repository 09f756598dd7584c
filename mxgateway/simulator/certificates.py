"""A certificate for a simulator that has none: signed by itself, made by a tool at hand.

Python itself makes no certificates (docs/decisions/0015-certificates-of-the-simulator.md).
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import ssl
import subprocess  # nosec B404 # for openssl alone
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mxgateway.bounded_files import MOST_PEM_BYTES, read_bounded
from mxgateway.errors import ConfigurationError
from mxgateway.replacing import replace_file, require_replaceable
from mxgateway.simulator.key_files import check_key_file
from mxgateway.simulator.programs import find_program
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
    Only the owner can read the key. A key that is found and that others can read, or that is a
    link, is told by a warning in the log. To have a new one, delete the files.

    Args:
        folder: Where the files are; made where it does not exist.
        names: Host names and addresses that clients will use.

    Raises:
        ConfigurationError: Neither openssl nor trustme is there, openssl failed, a name is
            no host name, the files cannot be read or written, or the key is somebody else's.
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
        else:
            check_key_file(key)
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
    text = read_bounded(certificate, MOST_PEM_BYTES).decode("ascii", errors="replace")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        first = text[text.index(begin) : text.index(end) + len(end)]
        der = ssl.PEM_cert_to_DER_cert(first)
    except ValueError as error:
        raise ConfigurationError(f"{os.fspath(certificate)} holds no PEM certificate") from error
    return hashlib.sha256(der).digest().hex(":").upper()


def _make(place: Path, names: list[str]) -> None:
    authority, certificate, key = _made(names)
    for name in (_CA, _CERTIFICATE, _KEY):
        require_replaceable(place / name)
    # First removed and last written: only what is whole has it.
    (place / _CA).unlink(missing_ok=True)
    replace_file(place / _KEY, key, mode=0o600)
    replace_file(place / _CERTIFICATE, certificate)
    replace_file(place / _CA, authority)


def _made(names: list[str]) -> tuple[bytes, bytes, bytes]:
    """Return what clients trust, the certificate and its key, as PEM."""
    openssl = find_program("openssl")
    if openssl is not None:
        with tempfile.TemporaryDirectory(prefix="mxgw-certificate-") as private:
            return _made_with_openssl(openssl, Path(private), names)
    try:
        import trustme
    except ImportError:
        raise ConfigurationError(
            "a certificate is made by the program openssl or the package trustme, and neither "
            "is here: install one (pip install trustme), or give a certificate of your own"
        ) from None
    authority = trustme.CA()
    server = authority.issue_cert(*names)
    return (
        authority.cert_pem.bytes(),
        server.cert_chain_pems[0].bytes(),
        server.private_key_pem.bytes(),
    )


def _made_with_openssl(openssl: str, private: Path, names: list[str]) -> tuple[bytes, bytes, bytes]:
    # In a folder that nobody else can look into; nothing is read from the current one.
    config = private / "openssl.cnf"
    config.write_text(_config(names), encoding="ascii")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256"]
    command += ["-days", str(_DAYS), "-config", str(config)]
    command += ["-keyout", str(private / _KEY), "-out", str(private / _CERTIFICATE)]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell # nosec B603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd=private,
            env={**os.environ, "OPENSSL_CONF": str(config)},
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"{openssl} made no certificate within {_SECONDS} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigurationError(
            f"{openssl} made no certificate: {said[-1] if said else f'exit code {done.returncode}'}"
        )
    certificate = (private / _CERTIFICATE).read_bytes()
    # Signed by itself, so it is its own authority.
    return certificate, certificate, (private / _KEY).read_bytes()


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
