"""What the reference client's documents say of keys and numbers, kept by this client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from mxgateway import (
    AuthenticationError,
    DeployEvent,
    GalaxyRepositoryClient,
    GatewayClient,
    MxGatewayError,
    PermissionDeniedError,
)
from mxgateway.codec import decode, encode, to_jsonable
from mxgateway.simulator import ALL_SCOPES, ApiKey, ThreadedSimulator

KEY = "mxgw_most_a-secret-for-nobody"


async def _first(stream: Any) -> None:
    with anyio.fail_after(10):
        async with stream as messages:
            await anext(messages)


NEEDS: list[tuple[str, Callable[[GatewayClient], Awaitable[Any]]]] = [
    ("session:open", lambda client: client.open_session()),
    ("session:close", lambda client: client.session("session-1").close()),
    ("invoke:read", lambda client: client.session("session-1").read_bulk(1, ["A.B"])),
    ("invoke:read", lambda client: client.session("session-1").ping()),
    ("invoke:write", lambda client: client.session("session-1").write(1, 1, 5)),
    ("invoke:write", lambda client: client.session("session-1").write_bulk(1, [(1, 5)])),
    ("invoke:write", lambda client: client.acknowledge_alarm("Galaxy!Area.Object.Alarm")),
    (
        "invoke:secure",
        lambda client: client.session("session-1").write_secured(1, 1, 5, current_user_id=1),
    ),
    (
        "invoke:secure",
        lambda client: client.session("session-1").authenticate_user(1, "operator", "password"),
    ),
    ("events:read", lambda client: _first(client.session("session-1").stream_events())),
    ("events:read", lambda client: _first(client.query_active_alarms())),
    ("events:read", lambda client: _first(client.stream_alarms())),
    ("events:read", lambda client: client.session("session-1").drain_events()),
    ("metadata:read", lambda client: GalaxyRepositoryClient.on(client).discover_hierarchy()),
]


@pytest.mark.parametrize(("scope", "call"), NEEDS)
async def test_a_permission_error_names_the_scope_that_is_missing(
    scope: str, call: Callable[[GatewayClient], Awaitable[Any]]
) -> None:
    keys = [ApiKey(KEY, ALL_SCOPES - {scope})]
    with ThreadedSimulator(seed=1, interval=None, keys=keys) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=KEY, plaintext=True
        ) as client:
            with pytest.raises(PermissionDeniedError) as caught:
                await call(client)

    assert scope in str(caught.value)
    assert KEY not in caught.value.diagnostics()


async def test_the_library_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        monkeypatch.setenv("MXGATEWAY_API_KEY", sim.api_key)
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", "nowhere.example:1")
        async with GatewayClient.connect(endpoint=sim.endpoint, plaintext=True) as client:
            assert client.options.api_key is None
            with pytest.raises(AuthenticationError):
                await client.open_session()


@pytest.mark.parametrize(
    "around", ["'{}'", '"{}"', ":{}:", ",{},", "({})", "key={};", "[{}]", "{}"]
)
@pytest.mark.parametrize("key", ["mxgw_plant-1_a_b-c.d", "Bearer abc/def+ghi==", "MXGW_UP_secret"])
def test_a_key_is_taken_out_of_an_error_whatever_stands_around_it(key: str, around: str) -> None:
    error = MxGatewayError(f"refused {around.format(key)} at plant:5000")

    for text in (str(error), error.diagnostics(), str(error.to_dict()), repr(error)):
        assert key.removeprefix("Bearer ")[-4:] not in text
        assert key.removeprefix("Bearer ")[:8] not in text
    assert "***" in str(error)
    assert str(error).endswith(" at plant:5000")


def test_a_deploy_sequence_is_unsigned() -> None:
    event = decode(DeployEvent, encode(DeployEvent(sequence=2**64 - 1)))

    assert event.sequence == 2**64 - 1
    assert to_jsonable(event)["sequence"] == str(2**64 - 1)
