"""Certificates made for one test run: an authority and a server certificate it signed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

__all__ = ["SERVER_NAME", "TlsFiles", "issue_tls_files"]

SERVER_NAME = "gateway.plant.example"
"""A name in the server certificate that resolves nowhere, for tests of a name override."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one certificate authority and one server.

    Attributes:
        ca_file: Certificate of the authority; what a client trusts.
        cert_file: The server's certificate chain. It names localhost, 127.0.0.1,
            ::1 and `SERVER_NAME`.
        key_file: The server's private key.
    """

    ca_file: Path
    cert_file: Path
    key_file: Path

    def server_context(self, *alpn: str) -> ssl.SSLContext:
        """Return a server-side context that offers the ALPN protocols given ("h2" without any)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.cert_file, self.key_file)
        context.set_alpn_protocols(list(alpn) or ["h2"])
        return context


def issue_tls_files(
    folder: Path, authority: trustme.CA, *names: str, prefix: str = "server"
) -> TlsFiles:
    """Write the authority's certificate and a fresh server's (for `names`) into `folder`."""
    server = authority.issue_cert(*(names or ("localhost", "127.0.0.1", "::1", SERVER_NAME)))
    files = TlsFiles(
        ca_file=folder / f"{prefix}-ca.pem",
        cert_file=folder / f"{prefix}-cert.pem",
        key_file=folder / f"{prefix}-key.pem",
    )
    authority.cert_pem.write_to_path(files.ca_file)
    for index, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(files.cert_file, append=index > 0)
    server.private_key_pem.write_to_path(files.key_file)
    return files
