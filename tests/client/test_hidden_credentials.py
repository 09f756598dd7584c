"""Credentials in local variables: a traceback that shows them shows `***`."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

import mxgateway.sync
from mxgateway import ClientOptions, GalaxyRepositoryClient, GatewayClient, Login
from mxgateway.errors import ConfigurationError, MxGatewayError
from mxgateway.redact import Secret, redact
from mxgateway.simulator import ThreadedSimulator

KEY = "mxgw_a_correct-horse-battery-staple"
ODD = "it's a \\ key"


def locals_of(error: BaseException) -> str:
    """All that a reporter of crashes shows, but for the frame of the test itself."""
    shown = []
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename != __file__:
                for name, value in frame.f_locals.items():
                    with suppress(AttributeError):  # an object that was not made to its end
                        shown.append(f"{name} = {value!r}")
    return "\n".join(shown)


WRONG: dict[str, dict[str, Any]] = {
    "an option that contradicts": {"plaintext": True, "ca_file": "x.pem"},
    "no such option": {"plain": True},
    "a number that is none": {"plaintext": True, "call_timeout": "soon"},
    "an endpoint without port": {"endpoint": "h"},
}
MAKERS: dict[str, Callable[..., Any]] = {
    "GatewayClient.connect": GatewayClient.connect,
    "GalaxyRepositoryClient.connect": GalaxyRepositoryClient.connect,
    "sync.GatewayClient.connect": mxgateway.sync.GatewayClient.connect,
    "ClientOptions": ClientOptions,
    "replace": ClientOptions(endpoint="h:1").replace,
}


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("maker", MAKERS)
def test_a_refused_option_does_not_show_the_key_beside_it(maker: str, wrong: str) -> None:
    fields = {"endpoint": "h:1", **WRONG[wrong], "api_key": KEY}
    with pytest.raises((ConfigurationError, TypeError)) as caught:
        MAKERS[maker](**fields)
    assert KEY not in locals_of(caught.value)
    assert "fields" in locals_of(caught.value) or "changes" in locals_of(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel", b"mxgw_bytes_key", 5, ""])
def test_a_refused_key_is_not_shown_itself(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="api_key: ") as caught:
        ClientOptions(endpoint="h:1", api_key=key)
    shown = locals_of(caught.value)
    assert key in (5, "") or str(key) not in shown
    assert "mxgw_bytes_key" not in shown


async def test_failed_calls_and_connects_do_not_show_the_key() -> None:
    with ThreadedSimulator(interval=None) as sim:
        fields: dict[str, Any] = {"plaintext": True, "api_key": KEY}
        async with GatewayClient.connect(endpoint=sim.endpoint, **fields) as client:
            with pytest.raises(MxGatewayError) as refused:
                await client.open_session()
        endpoint = sim.endpoint
    with pytest.raises(MxGatewayError) as unreachable:
        await GatewayClient.connect(endpoint=endpoint, **fields)
    for caught in (refused, unreachable):
        shown = locals_of(caught.value)
        assert "self" in shown
        assert KEY not in shown


async def test_a_failed_login_does_not_show_the_password() -> None:
    with ThreadedSimulator(interval=None) as sim:
        fields: dict[str, Any] = {"plaintext": True, "api_key": sim.api_key}
        async with (
            GatewayClient.connect(endpoint=sim.endpoint, **fields) as client,
            await client.open_session() as session,
        ):
            with pytest.raises(MxGatewayError) as caught:
                await session.authenticate_user(99, "anna", "correct horse battery")
    shown = locals_of(caught.value)
    assert "password" in shown
    assert "correct horse battery" not in shown


def test_a_secret_is_its_text_and_shows_nothing_of_it() -> None:
    secret = Secret(KEY)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>9}",
        "%s" % secret,  # noqa: UP031 - as logging does it
    ):
        assert KEY not in shown
        assert "***" in shown
    assert repr(secret[:9]) == "'***'"  # as reporters cut long texts
    assert secret == KEY
    assert hash(secret) == hash(KEY)
    assert type(secret.reveal()) is str
    assert secret.reveal() == Secret(secret).reveal() == KEY
    for same in (copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):
        assert type(same) is Secret
        assert same == KEY
    options = ClientOptions(endpoint="h:1", api_key=KEY)
    assert options.api_key == KEY
    assert pickle.loads(pickle.dumps(options)) == options == copy.copy(options)
    assert ClientOptions(endpoint="h:1", api_key=options.api_key).api_key == KEY
    login = Login("anna", "sesame")
    assert login.password == "sesame"
    assert f"{login} {login.password} {login!r}".count("sesame") == 0


@pytest.mark.parametrize("secret", [KEY, ODD, "line\nend", "tab\tend'", 'say "so"\\', "100% sure"])
def test_a_secret_is_found_as_it_is_and_as_messages_quote_it(secret: str) -> None:
    for text in (secret, repr(secret), f"{[secret]}", str(MxGatewayError(f"no {secret} here"))):
        assert "***" in redact(text, Secret(secret))
        assert secret not in redact(text, secret)
        assert repr(secret)[1:-1] not in redact(text, secret)
    for text in (
        json.dumps({"said": secret}),
        f"?key={quote(secret)}&x",
        f"?key={quote_plus(secret)}",
    ):
        assert "***" in redact(text, secret), text
