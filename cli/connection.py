"""The connection settings after option, environment and profile were weighed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import rich_click as click

from mxgateway.options import ClientOptions

from .settings.keys import key_file, read_key
from .settings.limits import numbers_of
from .settings.modes import open_to_others
from .settings.places import named_path
from .settings.values import Layer, Value

__all__ = ["DEFAULT_TIMEOUT", "Connection"]

DEFAULT_TIMEOUT = 30.0
_CONNECT_TIMEOUT = 10.0
_TLS_SETTINGS = (
    "ca_file",
    "fingerprint",
    "server_name_override",
    "client_cert",
    "client_key",
    "insecure",
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Connection:
    """Where the gateway is and how to reach it.

    Attributes:
        endpoint: As it was given.
        plaintext: True without TLS.
        api_key: The key itself; never shown.
        auth_source: Where the key came from, in words; never the key.
        ca_file: PEM file of the authorities to trust, or None for the system's.
        fingerprint: SHA-256 that the certificate must have, or None.
        server_name_override: Name to expect in the certificate, or None.
        client_cert: PEM file of the client's certificate, or None.
        client_key: PEM file of its key, or None.
        insecure: Whether any certificate is accepted.
        timeout: Seconds for the command, or None where the user gave none.
        limits: Limits of ClientOptions that the user set.
        profile: The profile that took part, or None.
        warnings: What people should know of the files that took part.
    """

    endpoint: str
    plaintext: bool
    api_key: str | None
    auth_source: str
    ca_file: str | None = None
    fingerprint: str | None = None
    server_name_override: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    insecure: bool = False
    timeout: float | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    profile: str | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Value], variables: Mapping[str, str]) -> Connection:
        """Return the connection that weighed settings describe.

        Raises:
            UsageError: Nothing chooses plaintext or TLS, there is no key where one should be, or
                a variable would undo the TLS of a profile.
        """
        for value in values.values():
            if value.barred:
                raise click.UsageError(value.barred)
        plaintext = _plaintext(values)
        key, auth_source = _key(values, variables)
        tls = {name: values[name] for name in _TLS_SETTINGS}
        if plaintext:
            # What describes the usual gateway must not hinder plaintext to this one.
            tls = {n: v for n, v in tls.items() if v.layer is Layer.OPTION}
        else:
            _settle_trust(tls)
        return cls(
            endpoint=values["endpoint"].content,
            plaintext=plaintext,
            api_key=key,
            auth_source=auth_source,
            timeout=values["timeout"].content,
            limits=numbers_of(values["limits"].content or ""),
            profile=values["profile"].content,
            warnings=_warnings(values),
            **{name: value.content for name, value in tls.items() if value.content is not None},
        )

    def options(self) -> ClientOptions:
        """Return the options of a client.

        Connecting has at most 10 s, and never more than the timeout.

        Raises:
            ConfigurationError: A value is wrong or two contradict each other.
        """
        timeout = DEFAULT_TIMEOUT if self.timeout is None else self.timeout
        limits: dict[str, Any] = dict(self.limits)
        return ClientOptions(
            endpoint=self.endpoint,
            api_key=self.api_key,
            plaintext=self.plaintext,
            ca_file=self.ca_file,
            fingerprint=self.fingerprint,
            server_name_override=self.server_name_override,
            client_cert=self.client_cert,
            client_key=self.client_key,
            insecure=self.insecure,
            connect_timeout=min(_CONNECT_TIMEOUT, timeout),
            call_timeout=timeout,
            **limits,
        )

    def facts(self) -> dict[str, str]:
        """Return what an error message says about the connection; the key is not in it."""
        facts = {
            "client": "mxgw-py",
            "endpoint": self.endpoint,
            "security": "plaintext" if self.plaintext else "TLS",
            "auth": self.auth_source,
        }
        if self.profile is not None:
            facts["profile"] = self.profile
        return facts

    def words(self) -> str:
        """Return the facts on one line for people."""
        facts = self.facts()
        profile = f", profile {facts['profile']}" if "profile" in facts else ""
        return (
            f"{facts['client']}, endpoint {facts['endpoint']}, {facts['security']}, "
            f"{facts['auth']}{profile}"
        )


def _plaintext(values: Mapping[str, Value]) -> bool:
    if values["plaintext"].given:
        return bool(values["plaintext"].content)
    if values["tls"].given:
        return not values["tls"].content
    raise click.UsageError(
        "choose --plaintext or --tls (or set MXGATEWAY_PLAINTEXT to 1 or 0, or keep it in a "
        "profile); it is not guessed from the endpoint"
    )


def _key(values: Mapping[str, Value], variables: Mapping[str, str]) -> tuple[str | None, str]:
    named, key = values["api_key_env"], values["api_key"]
    if named.given:
        return read_key(
            f"env:{named.content}", variables, origin=_origin(named), option="--api-key-env"
        )
    if key.given:
        return read_key(key.content, variables, origin=_origin(key), option="--api-key")
    withheld = key.withheld or named.withheld
    return None, f"no API key ({withheld})" if withheld else "no API key"


def _warnings(values: Mapping[str, Value]) -> tuple[str, ...]:
    """Return what others can do with the profile and with files that hold a key."""
    key, client_key = values["api_key"], values["client_key"]
    files = []
    if key.given:
        files.append(key_file(key.content))
    if client_key.given:
        files.append(named_path(client_key.content))
    found = [open_to_others(file, secret=True) for file in files if file is not None]
    # Who can change what is trusted can be the gateway.
    found += [
        open_to_others(named_path(values[name].content), secret=False)
        for name in ("ca_file", "client_cert")
        if values[name].given
    ]
    return tuple(text for text in (values["profile"].warning, *found) if text)


def _origin(value: Value) -> str:
    """Return the source for a message: `--api-key`, `environment variable X`, `profile y`."""
    return value.source.removeprefix("option ").replace("variable", "environment variable")


def _settle_trust(tls: dict[str, Value]) -> None:
    """Let the stronger of --insecure and what contradicts it win; of one place, both stay."""
    insecure = tls["insecure"]
    if not insecure.content:
        return
    for name in ("ca_file", "fingerprint"):
        other = tls[name]
        if other.given and other.layer < insecure.layer:
            tls["insecure"] = Value(None, Layer.DEFAULT, "default")
        elif other.given and insecure.layer < other.layer:
            tls[name] = Value(None, Layer.DEFAULT, "default")
