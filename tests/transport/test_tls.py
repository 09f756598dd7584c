"""TLS: whom the client trusts, what it says when it does not, and that calls work over it."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import ssl
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from calls import REPLY, event, open_session, stream_events
from scripted_peer import PeerConnection, grpc_message, scripted_peer
from tls_files import SERVER_NAME, TlsFiles

from mxgateway.errors import ConfigurationError, ConnectError, MxGatewayError, TlsError
from mxgateway.options import ClientOptions
from mxgateway.transport.channel import Channel


async def answer(connection: PeerConnection) -> None:
    while True:
        await connection.reply((await connection.request()).stream_id, REPLY)


async def call(context: ssl.SSLContext | None, **options: Any) -> str:
    """Serve TLS (or plaintext, without a context), connect with `options`, make one call."""
    error: MxGatewayError | None = None
    async with scripted_peer(answer, context=context) as peer:
        channel = Channel(ClientOptions(endpoint=peer.endpoint, **options))
        with anyio.fail_after(5):
            try:
                await channel.connect()
                async with channel:
                    return await open_session(channel)
            except MxGatewayError as caught:
                error = caught
            finally:
                await channel.aclose()
    assert error is not None
    raise error  # outside of the peer's task group, which would wrap it


def fingerprint(files: TlsFiles) -> str:
    pem = files.cert_file.read_text().split("-----END CERTIFICATE-----")[0]
    der = ssl.PEM_cert_to_DER_cert(pem + "-----END CERTIFICATE-----\n")
    return hashlib.sha256(der).hexdigest()


async def test_a_ca_file_is_trusted(tls_files: TlsFiles) -> None:
    assert await call(tls_files.server_context(), ca_file=tls_files.ca_file) == "session-1"


async def test_a_server_name_override_is_checked_and_sent(tls_files: TlsFiles) -> None:
    context = tls_files.server_context()
    seen: list[str | None] = []
    context.sni_callback = lambda _obj, name, _context: seen.append(name)
    async with scripted_peer(answer, context=context) as peer:
        options = ClientOptions(
            endpoint=peer.endpoint, ca_file=tls_files.ca_file, server_name_override=SERVER_NAME
        )
        channel = Channel(options)
        await channel.connect()
        async with channel:
            assert await open_session(channel) == "session-1"
        assert peer.connections[0].requests[1].headers[":authority"] == SERVER_NAME
        assert peer.connections[0].requests[1].headers[":scheme"] == "https"
    assert seen == [SERVER_NAME]


async def test_a_pinned_fingerprint_alone_is_enough(tls_files: TlsFiles) -> None:
    pin = fingerprint(tls_files).upper()
    with_colons = ":".join(pin[i : i + 2] for i in range(0, 64, 2))
    assert await call(tls_files.server_context(), fingerprint=with_colons) == "session-1"


@pytest.mark.requirement("tls.diagnose")
async def test_another_fingerprint_is_refused_before_anything_is_sent(
    tls_files: TlsFiles, stranger_tls_files: TlsFiles
) -> None:
    with pytest.raises(TlsError, match=fingerprint(tls_files)) as caught:
        await call(tls_files.server_context(), fingerprint=fingerprint(stranger_tls_files))
    assert caught.value.processed == "no"


async def test_insecure_connects_and_warns_loudly_once(
    stranger_tls_files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        result = await call(stranger_tls_files.server_context(), insecure=True)
    assert result == "session-1"
    assert [r.levelname for r in caplog.records if "INSECURE" in r.getMessage()] == ["WARNING"]


@pytest.mark.requirement("tls.diagnose")
async def test_an_unknown_authority_is_refused(
    tls_files: TlsFiles, stranger_tls_files: TlsFiles
) -> None:
    with pytest.raises(TlsError, match="ca_file"):
        await call(stranger_tls_files.server_context(), ca_file=tls_files.ca_file)
    with pytest.raises(TlsError, match="not accepted"):  # nor does the system trust it
        await call(stranger_tls_files.server_context())


@pytest.mark.requirement("tls.diagnose")
async def test_a_wrong_name_is_refused_with_the_names_offered(tls_files: TlsFiles) -> None:
    with pytest.raises(TlsError) as caught:
        await call(
            tls_files.server_context(),
            ca_file=tls_files.ca_file,
            server_name_override="other.example",
        )
    text = str(caught.value)
    assert "'other.example'" in text
    assert SERVER_NAME in text
    assert "--server-name-override" in text


def context_for(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.requirement("tls.diagnose")
async def test_expired_and_not_yet_valid_certificates_are_told_apart(
    ca: trustme.CA, tls_files: TlsFiles
) -> None:
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    expired = ca.issue_cert("127.0.0.1", not_before=now - 9 * day, not_after=now - day)
    future = ca.issue_cert("127.0.0.1", not_before=now + day, not_after=now + 9 * day)
    with pytest.raises(TlsError, match="has expired"):
        await call(context_for(expired), ca_file=tls_files.ca_file)
    with pytest.raises(TlsError, match="not yet valid"):
        await call(context_for(future), ca_file=tls_files.ca_file)


def mutual_context(ca: trustme.CA, files: TlsFiles, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = files.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_certificate_is_shown(
    version: ssl.TLSVersion, ca: trustme.CA, tls_files: TlsFiles, tmp_path: Path
) -> None:
    client = ca.issue_cert("operator@plant.example")
    client.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    client.private_key_pem.write_to_path(tmp_path / "key.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    context = mutual_context(ca, tls_files, version)
    one = {"client_cert": tmp_path / "both.pem"}
    two = {"client_cert": tmp_path / "cert.pem", "client_key": tmp_path / "key.pem"}
    for files in (one, two):
        assert await call(context, ca_file=tls_files.ca_file, **files) == "session-1"


@pytest.mark.requirement("tls.diagnose")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_missing_client_certificate_is_named(
    version: ssl.TLSVersion, ca: trustme.CA, tls_files: TlsFiles
) -> None:
    with pytest.raises(ConnectError, match="client certificate"):
        await call(mutual_context(ca, tls_files, version), ca_file=tls_files.ca_file)


@pytest.mark.requirement("tls.diagnose")
async def test_tls_to_a_plaintext_server_and_plaintext_to_a_tls_server_are_told_apart(
    tls_files: TlsFiles,
) -> None:
    with pytest.raises(TlsError, match="--plaintext"):
        await call(None, ca_file=tls_files.ca_file)
    with pytest.raises(ConnectError, match=r"with TLS"):
        await call(tls_files.server_context(), plaintext=True)


@pytest.mark.requirement("tls.alpn")
@pytest.mark.parametrize("offered", [("http/1.1",), ()], ids=["http1", "none"])
async def test_a_server_that_does_not_negotiate_h2_is_refused(
    offered: tuple[str, ...], tls_files: TlsFiles
) -> None:
    context = tls_files.server_context()
    if offered:
        context.set_alpn_protocols(list(offered))
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls_files.cert_file, tls_files.key_file)
    with pytest.raises(TlsError, match="h2"):
        await call(context, ca_file=tls_files.ca_file)


@pytest.mark.requirement("tls.diagnose")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the ancient server's settings
async def test_an_ancient_tls_version_is_refused(tls_files: TlsFiles) -> None:
    context = tls_files.server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(TlsError):
        await call(context, ca_file=tls_files.ca_file)


@pytest.mark.parametrize("name", ["ca_file", "client_cert"])
def test_files_without_certificates_are_a_configuration_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_text("not PEM")
    options: dict[str, Any] = {name: path}
    channel = Channel(ClientOptions(endpoint="127.0.0.1:1", **options))
    with pytest.raises(ConfigurationError, match=name):
        anyio.run(channel.connect)


@pytest.mark.requirement("call.cancel-clean")
async def test_cancelled_calls_do_not_break_the_tls_stream_for_others(tls_files: TlsFiles) -> None:
    async with scripted_peer(context=tls_files.server_context()) as peer:
        options = ClientOptions(endpoint=peer.endpoint, ca_file=tls_files.ca_file)
        channel = Channel(options)
        await channel.connect()
        async with channel:
            connection = await peer.connection()
            for _ in range(20):
                with anyio.move_on_after(0.001):
                    await open_session(channel, timeout=None)
            async with anyio.create_task_group() as tasks:
                with anyio.fail_after(5):

                    async def serve() -> None:
                        last = -1
                        await connection.until(
                            lambda: any("x-last" in r.headers for r in connection.requests.values())
                        )
                        last = max(connection.requests)
                        await connection.reply(last, REPLY)

                    tasks.start_soon(serve)
                    assert await open_session(channel, metadata={"x-last": "1"}) == "session-1"
            assert len(peer.connections) == 1


@pytest.mark.requirement("err.no-leaks")
async def test_a_tls_peer_that_just_vanishes_ends_the_stream_in_the_tree(
    tls_files: TlsFiles,
) -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id),
            connection.data_frame(stream_id, grpc_message(event(1))),
        )
        await connection.stream.aclose()

    async with scripted_peer(script, context=tls_files.server_context()) as peer:
        channel = Channel(ClientOptions(endpoint=peer.endpoint, ca_file=tls_files.ca_file))
        await channel.connect()
        async with channel:
            stream = stream_events(channel)
            assert (await anext(stream)).worker_sequence == 1
            with pytest.raises(MxGatewayError), anyio.fail_after(5):
                await anext(stream)
