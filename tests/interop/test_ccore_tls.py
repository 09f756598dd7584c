"""TLS of the public client against a gateway that shares no code with it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
import trustme
from interop.ccore_client import connect, raw_events
from interop.ccore_gateway import CCoreGateway
from interop.scripted_plant import SPEED
from tls_files import SERVER_NAME, TlsFiles, issue_tls_files

from mxgateway import GatewayClient
from mxgateway.errors import ConnectError, TlsError, TransportError
from mxgateway.values import from_mx_value


@pytest.mark.rule("transport.plain-and-tls")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_events_flow_over_tls_that_the_ca_file_vouches_for(
    tls_gateway: CCoreGateway, tls_files: TlsFiles, host: str
) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(
            endpoint=f"{host}:{tls_gateway.port}",
            api_key=tls_gateway.api_key,
            ca_file=tls_files.ca_file,
        ) as client:
            session = await client.open_session()
            server = await session.register("interop")
            await session.advise(server, await session.add_item(server, SPEED))
            async with raw_events(client, session) as stream:
                event = await anext(stream)
            await session.close()

    assert from_mx_value(event.value) == 10.5


async def test_a_certificate_for_another_name_needs_the_override(
    ca: trustme.CA, tmp_path: Path
) -> None:
    files = issue_tls_files(tmp_path, ca, SERVER_NAME)

    with (
        anyio.fail_after(5),
        CCoreGateway(tls=files) as gateway,
    ):
        with pytest.raises(TlsError):
            await GatewayClient.connect(
                endpoint=gateway.endpoint, api_key=gateway.api_key, ca_file=files.ca_file
            )
        async with await GatewayClient.connect(
            endpoint=gateway.endpoint,
            api_key=gateway.api_key,
            ca_file=files.ca_file,
            server_name_override=SERVER_NAME,
        ) as client:
            session = await client.open_session()
            await session.close()

    assert gateway.journal.methods == ["OpenSession", "CloseSession"]


async def test_a_certificate_of_a_stranger_is_refused(
    tls_gateway: CCoreGateway, stranger_tls_files: TlsFiles
) -> None:
    with anyio.fail_after(5):
        with pytest.raises(TlsError):
            await GatewayClient.connect(
                endpoint=tls_gateway.endpoint,
                api_key=tls_gateway.api_key,
                ca_file=stranger_tls_files.ca_file,
            )

    assert tls_gateway.journal.calls == []


async def test_system_roots_do_not_know_a_private_authority(tls_gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        with pytest.raises(TlsError):
            await GatewayClient.connect(endpoint=tls_gateway.endpoint)


async def test_plaintext_to_a_tls_port_fails_instead_of_waiting(tls_gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        with pytest.raises(TransportError):
            async with await GatewayClient.connect(
                endpoint=tls_gateway.endpoint, plaintext=True
            ) as client:
                await client.open_session()


@pytest.mark.requirement("tls.diagnose")
async def test_the_server_sees_the_client_certificate(
    tls_files: TlsFiles, ca: trustme.CA, tmp_path: Path
) -> None:
    mine = issue_tls_files(tmp_path, ca, "client.plant.example", prefix="client")

    with (
        anyio.fail_after(5),
        CCoreGateway(tls=tls_files, client_authority=tls_files.ca_file) as gateway,
    ):
        async with await connect(
            gateway, client_cert=mine.cert_file, client_key=mine.key_file
        ) as client:
            await client.open_session()
        with pytest.raises(ConnectError, match="client certificate"):
            await connect(gateway)

    (call,) = gateway.journal.calls
    assert call.certificate is not None
    assert call.certificate.strip() == mine.cert_file.read_bytes().strip()
