"""The certificate of a simulator that has none: trusted by clients, kept, private, explained."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import stat
from pathlib import Path

import grpc
import pytest

from mxgateway import ClientOptions, ConfigurationError, GatewayClient
from mxgateway.simulator import ThreadedSimulator
from mxgateway.simulator.certificates import (
    SimulatorCertificate,
    certificate_in,
    fingerprint_of,
)

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
MAKERS = [pytest.param("openssl", marks=needs_openssl), "trustme"]


@pytest.fixture
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SimulatorCertificate:
    """A certificate by the maker that the test names."""
    if request.param == "trustme":
        monkeypatch.setenv("PATH", str(tmp_path))
    return certificate_in(tmp_path / "tls", ["plant.example", "10.0.0.5"])


@pytest.mark.parametrize("made", MAKERS, indirect=True)
@pytest.mark.parametrize("trusted", ["ca_file", "fingerprint"])
async def test_a_client_trusts_the_file_or_the_fingerprint(
    made: SimulatorCertificate, trusted: str
) -> None:
    with ThreadedSimulator(tls=made.files, ca_file=made.ca_file, interval=None) as sim:
        options = ClientOptions(
            endpoint=sim.endpoint,
            api_key=sim.api_key,
            ca_file=sim.ca_file if trusted == "ca_file" else None,
            fingerprint=made.fingerprint if trusted == "fingerprint" else None,
        )
        async with GatewayClient.connect(options=options) as client:
            (value,) = await client.read("Tank_001.Level")
    assert value.good


@pytest.mark.parametrize("made", MAKERS, indirect=True)
def test_it_stands_strict_checks_and_another_stack(made: SimulatorCertificate) -> None:
    context = ssl.create_default_context(cafile=made.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["h2"])
    with ThreadedSimulator(tls=made.files, interval=None) as sim:
        for name in ("localhost", "127.0.0.1", "plant.example", "10.0.0.5"):
            tcp = socket.create_connection(("127.0.0.1", sim.port), timeout=10)
            with context.wrap_socket(tcp, server_hostname=name) as connection:
                assert connection.selected_alpn_protocol() == "h2"
        authority = Path(made.ca_file).read_bytes()
        with grpc.secure_channel(sim.endpoint, grpc.ssl_channel_credentials(authority)) as channel:
            grpc.channel_ready_future(channel).result(timeout=10)


@pytest.mark.parametrize("made", MAKERS, indirect=True)
def test_it_is_kept_and_its_key_is_private(made: SimulatorCertificate) -> None:
    folder = Path(made.ca_file).parent
    again = certificate_in(folder)
    assert again == made
    assert fingerprint_of(made.files.certificate) == made.fingerprint
    assert sorted(p.name for p in folder.iterdir()) == ["ca.pem", "server-key.pem", "server.pem"]
    if os.name != "nt":
        assert stat.S_IMODE(Path(made.files.key).stat().st_mode) == 0o600


@needs_openssl
def test_it_is_no_authority(tmp_path: Path) -> None:
    made = certificate_in(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(made.ca_file)
    assert context.cert_store_stats()["x509_ca"] == 0
    assert context.cert_store_stats()["x509"] == 1


def test_without_a_maker_the_error_says_what_would_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "trustme", None)
    with pytest.raises(ConfigurationError, match=r"openssl or .* trustme"):
        certificate_in(tmp_path / "tls")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_a_maker_that_fails_is_quoted_and_leaves_nothing_that_is_taken_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "openssl"
    stand_in.write_text("#!/bin/sh\necho 'no entropy today' >&2\nexit 3\n")
    stand_in.chmod(0o755)
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        with pytest.raises(ConfigurationError, match="no entropy today"):
            certificate_in(tmp_path / "tls")
    stand_in.unlink()
    assert certificate_in(tmp_path / "tls").fingerprint.count(":") == 31


@pytest.mark.parametrize("name", ["a b", "x,DNS:y", "", "zeile\nneu"])
def test_a_name_that_no_certificate_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="host name"):
        certificate_in(tmp_path, [name])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="another folder"):
        certificate_in(tmp_path / "file" / "tls")


def test_a_file_without_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(ConfigurationError, match=r"x\.pem holds no PEM certificate"):
        fingerprint_of(tmp_path / "x.pem")
