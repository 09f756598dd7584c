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
    with CCoreGateway(tls=tls_files) as running:
        yield running


@pytest.fixture(params=["plain", "tls"])
def either_tls(request: pytest.FixtureRequest, tls_files: TlsFiles) -> TlsFiles | None:
    """What to serve TLS with: the test runs once without it and once with it."""
    return tls_files if request.param == "tls" else None


@pytest.fixture
def either_gateway(either_tls: TlsFiles | None) -> Iterator[CCoreGateway]:
    """A gateway for tests that run plain and over TLS."""
    with CCoreGateway(tls=either_tls) as running:
        yield running
