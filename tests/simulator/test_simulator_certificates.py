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
from odd_files import make_odd_file

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


@pytest.mark.parametrize("name", ["ca.pem", "server.pem", "server-key.pem"])
def test_a_pipe_in_the_place_of_a_file_is_told_and_stays(tmp_path: Path, name: str) -> None:
    make_odd_file("pipe", tmp_path / name)
    with pytest.raises(ConfigurationError, match=rf"no ordinary file.*{name}"):
        certificate_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="another folder"):
        certificate_in(tmp_path / "file" / "tls")


def test_a_file_without_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(ConfigurationError, match=r"x\.pem holds no PEM certificate"):
        fingerprint_of(tmp_path / "x.pem")


# -- folders of others -----------------------------------------------------------------

posix = pytest.mark.skipif(os.name == "nt", reason="links, modes and owners of POSIX")


@posix
@pytest.mark.parametrize("maker", MAKERS)
def test_links_in_the_folder_lead_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, maker: str
) -> None:
    if maker == "trustme":
        monkeypatch.setenv("PATH", str(tmp_path / "none"))
    folder, victims = tmp_path / "tls", tmp_path / "victims"
    folder.mkdir()
    victims.mkdir()
    names = ("openssl.cnf", "ca.pem", "server.pem", "server-key.pem")
    for name in names:
        (folder / name).symlink_to(victims / name)
    (victims / "openssl.cnf").write_text("precious")
    (victims / "ca.pem").write_text("precious")
    made = certificate_in(folder)
    assert {p.name: p.read_text() for p in victims.iterdir()} == {
        "openssl.cnf": "precious",
        "ca.pem": "precious",
    }
    files = (made.ca_file, made.files.certificate, made.files.key)
    assert not any(Path(file).is_symlink() for file in files)
    assert sorted(p.name for p in folder.iterdir()) == sorted(names)
    assert stat.S_IMODE(Path(made.files.key).stat().st_mode) == 0o600
    assert certificate_in(folder) == made


@posix
def test_a_key_that_others_can_read_is_told_and_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = certificate_in(tmp_path)
    key = Path(made.files.key)
    assert certificate_in(tmp_path) == made
    assert caplog.messages == []
    key.chmod(0o644)
    assert certificate_in(tmp_path) == made
    (told,) = caplog.messages
    assert f"others can read the private key {str(key)!r} (its mode is 0644)" in told
    caplog.clear()
    elsewhere = key.rename(tmp_path / "elsewhere")
    elsewhere.chmod(0o600)
    key.symlink_to("elsewhere")
    assert certificate_in(tmp_path) == made
    (told,) = caplog.messages
    assert "is a link to 'elsewhere'" in told


@posix
def test_a_key_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Path(certificate_in(tmp_path).files.key)
    if os.geteuid() == 0:
        os.chown(key, 12_345, 12_345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match=r"belongs to somebody else.*choose another"):
        certificate_in(tmp_path)


@posix
def test_openssl_of_the_current_folder_and_its_settings_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap, told = tmp_path / "trap", tmp_path / "told"
    trap.mkdir()
    (trap / "openssl").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (trap / "openssl").chmod(0o755)
    program = tmp_path / "bin"
    program.mkdir()
    stand_in = f'#!/bin/sh\npwd > {told}\necho "$OPENSSL_CONF" >> {told}\nexit 1\n'
    (program / "openssl").write_text(stand_in)
    (program / "openssl").chmod(0o755)
    monkeypatch.chdir(trap)
    monkeypatch.setenv("PATH", f":.:{program}:{os.environ['PATH']}")
    monkeypatch.setenv("OPENSSL_CONF", "openssl.cnf")
    with pytest.raises(ConfigurationError, match="exit code 1"):
        certificate_in(tmp_path / "tls")
    assert not (tmp_path / "ran").exists()
    folder, config = told.read_text().splitlines()
    assert Path(config).parent == Path(folder)
    assert not Path(folder).exists()
