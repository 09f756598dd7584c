"""The independent gateway, plain and behind TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interop.ccore_gateway import CCoreGateway
from tls_files import TlsFiles


@pytest.fixture
def gateway() -> Iterator[CCoreGateway]:
    """A gateway on grpcio's C core, plaintext, for one test."""
    with CCoreGateway() as running:
        yield running


@pytest.fixture
def tls_gateway(tls_files: TlsFiles) -> Iterator[CCoreGateway]:
    """The same behind TLS, with a certificate for localhost and its addresses."""
    with CCoreGateway(cert_file=tls_files.cert_file, key_file=tls_files.key_file) as running:
        yield running
