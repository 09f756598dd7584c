"""ClientOptions: where the gateway is, how to reach it, and the limits of a client."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Self

from mxgateway.bounded_files import MOST_PEM_BYTES, require_ordinary
from mxgateway.errors import ConfigurationError
from mxgateway.redact import Secret, hidden

__all__ = ["ClientOptions", "with_hidden_key"]

_MIB = 1 << 20
_TLS_OPTIONS = (
    "ca_file",
    "server_name_override",
    "fingerprint",
    "client_cert",
    "client_key",
    "insecure",
)
_MAX_WINDOW = (1 << 31) - 1  # RFC 9113, section 6.9.1
_MAX_ITEMS = 1_000_000
_MAX_COUNT = (1 << 31) - 1
_MAX_BYTES = 1 << 40
_MAX_DEPTH = 10_000
_MOST_DIGITS = 18


@dataclass(frozen=True, kw_only=True, repr=False)
class ClientOptions:
    """Everything a client needs to know; checked when it is made, never changed after.

    Attributes:
        endpoint: `host:port`, `[ipv6]:port`, or the same behind `http://` or `https://`.
        api_key: Sent as `authorization: Bearer <key>` with every call. Never shown: it is kept
            as a `Secret`, which is equal to the text and prints as `***`.
        plaintext: True for HTTP/2 without TLS. It is never guessed from the endpoint.
        ca_file: PEM file of the certificate authorities to trust instead of the system's.
        server_name_override: Name to expect in the certificate in place of the host.
        fingerprint: SHA-256 of the gateway's certificate in hex, with or without
            colons. Without `ca_file` it alone decides, so it fits a self-signed gateway.
        client_cert: PEM file with the client's certificate (and, without `client_key`, its key).
        client_key: PEM file with the key of `client_cert`, unencrypted.
        insecure: True to accept any certificate. Logs a warning; for experiments only.
        connect_timeout: Seconds for name lookup, TCP, TLS and ALPN together.
        call_timeout: Seconds for one unary call from start to status; None for no limit.
        stream_timeout: Seconds for a whole stream; None, the default, for no limit.
        max_receive_bytes: Largest message that is accepted.
        max_send_bytes: Largest message that is sent.
        max_bulk_items: Most entries of a bulk command; longer ones are sent as several.
        stream_window: HTTP/2 flow-control window of one stream, in bytes.
        connection_window: HTTP/2 flow-control window of the connection, in bytes.
        keepalive_time: Seconds of silence after which a PING asks whether the peer
            is still there; None for no PINGs.
        keepalive_timeout: Seconds to wait for the answer before the connection counts as lost.
        keepalive_without_calls: Whether to send PINGs while no call is open.
        max_message_elements: Most elements of a received message: entries of lists, packed ones
            too, and sub-messages, at all depths.
        max_expansion: How many times as long as it came a compressed message may be. Below
            4 MiB it does not count.
        max_objects: Most objects that one walk over pages of the galaxy may bring.
        max_walk_bytes: Most bytes of the replies of a walk that keeps them all, where each
            object and attribute counts as 80 more; the memory that it takes is up to four
            times that.
        max_depth: Most levels of objects inside each other.
        max_alarms: Most alarms of an AlarmBook, with 1,000 bytes of messages each on average.

    Raises:
        ConfigurationError: An option is missing, wrong, or contradicts another one.
    """

    endpoint: str
    api_key: str | None = field(default=None, repr=False)
    plaintext: bool = False
    ca_file: str | os.PathLike[str] | None = None
    server_name_override: str | None = None
    fingerprint: str | None = None
    client_cert: str | os.PathLike[str] | None = None
    client_key: str | os.PathLike[str] | None = None
    insecure: bool = False
    connect_timeout: float | None = 10.0
    call_timeout: float | None = 30.0
    stream_timeout: float | None = None
    max_receive_bytes: int = 16 * _MIB
    max_send_bytes: int = 16 * _MIB
    max_bulk_items: int = 1000
    stream_window: int = 1 * _MIB
    connection_window: int = 16 * _MIB
    keepalive_time: float | None = 30.0
    keepalive_timeout: float = 10.0
    keepalive_without_calls: bool = False
    max_message_elements: int = 1_000_000
    max_expansion: int = 200
    max_objects: int = 1_000_000
    max_walk_bytes: int = 256 * _MIB
    max_depth: int = 100
    max_alarms: int = 100_000

    def __post_init__(self) -> None:
        host, port = _parse_endpoint(self.endpoint, plaintext=self.plaintext)
        object.__setattr__(self, "_host", host)
        object.__setattr__(self, "_port", port)
        self._check_key()
        self._check_tls()
        for name in ("connect_timeout", "call_timeout", "stream_timeout", "keepalive_time"):
            value = getattr(self, name)
            if value is not None:
                _check_seconds(name, value)
        _check_seconds("keepalive_timeout", self.keepalive_timeout)
        _check_size("max_receive_bytes", self.max_receive_bytes, 1, (1 << 32) - 1)
        _check_size("max_send_bytes", self.max_send_bytes, 1, (1 << 32) - 1)
        _check_count("max_bulk_items", self.max_bulk_items, 1, _MAX_ITEMS)
        _check_count("max_message_elements", self.max_message_elements, 1, _MAX_COUNT)
        _check_count("max_expansion", self.max_expansion, 1, _MAX_COUNT)
        _check_count("max_objects", self.max_objects, 1, _MAX_COUNT)
        _check_size("max_walk_bytes", self.max_walk_bytes, 1, _MAX_BYTES)
        _check_count("max_depth", self.max_depth, 1, _MAX_DEPTH)
        _check_count("max_alarms", self.max_alarms, 1, _MAX_COUNT)
        _check_size("stream_window", self.stream_window, 65_535, _MAX_WINDOW)
        _check_size("connection_window", self.connection_window, 65_535, _MAX_WINDOW)

    def _check_key(self) -> None:
        key = self.api_key
        if key is None:
            return
        if not key:
            raise ConfigurationError("api_key: give a key as text, or None to send no key")
        if not key.isascii() or not key.isprintable() or " " in key:
            # The value itself must not appear in the message.
            raise ConfigurationError(
                "api_key: the key holds a blank, a line break or a non-ASCII character; "
                "check how it was copied or read"
            )

    def _check_tls(self) -> None:
        if self.plaintext:
            for name in _TLS_OPTIONS:
                if getattr(self, name) not in (None, False):
                    raise ConfigurationError(
                        f"{name} has no meaning with plaintext=True; drop one of the two"
                    )
            return
        if self.server_name_override is not None and not self.server_name_override.strip():
            raise ConfigurationError("server_name_override: give a host name, or None")
        if self.insecure and (self.ca_file is not None or self.fingerprint is not None):
            raise ConfigurationError(
                "insecure=True accepts any certificate and contradicts ca_file and fingerprint; "
                "drop insecure"
            )
        if self.client_key is not None and self.client_cert is None:
            raise ConfigurationError("client_key is given without client_cert; give both")
        for name in ("ca_file", "client_cert", "client_key"):
            path = getattr(self, name)
            if path is None:
                continue
            try:
                require_ordinary(path, MOST_PEM_BYTES)  # OpenSSL would wait for a pipe.
            except FileNotFoundError as error:
                raise ConfigurationError(
                    f"{name}: there is no file {os.fspath(path)!r}; give a PEM file"
                ) from error
            except OSError as error:
                raise ConfigurationError(
                    f"{name}: {os.fspath(path)!r} cannot be used: {error.strerror or error}; "
                    "give a PEM file"
                ) from error
        if self.fingerprint is not None:
            object.__setattr__(self, "fingerprint", _parse_fingerprint(self.fingerprint))

    @property
    def host(self) -> str:
        """The host part of the endpoint, without brackets."""
        host: str = self.__dict__["_host"]
        return host

    @property
    def port(self) -> int:
        """The port part of the endpoint."""
        port: int = self.__dict__["_port"]
        return port

    @property
    def target(self) -> str:
        """Host and port as one text, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """What `:authority` says: the override, else host and port."""
        if self.server_name_override is not None:
            return self.server_name_override
        return self.target

    def replace(self, **changes: Any) -> Self:
        """Return new options with `changes` applied and everything checked again.

        Raises:
            ConfigurationError: As for construction, or a name that is no option.
        """
        changes = with_hidden_key(changes)
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ConfigurationError(
                f"no such option: {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        return type(self)(**(known | changes))

    def __repr__(self) -> str:
        parts = []
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "endpoint" or value != f.default:
                parts.append(f"{f.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


def with_hidden_key(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields of ClientOptions with the API key hidden.

    What takes fields of its caller does this first: an error that is raised below must not
    show the key to who looks at the local variables of its traceback.
    """
    key = fields.get("api_key")
    if key is None:
        return fields
    # A key of another type is refused as an empty one is: neither can be shown.
    return {**fields, "api_key": hidden(key) if isinstance(key, str) else Secret()}


def _hiding_the_key(initialise: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(initialise)
    def __init__(self: ClientOptions, **fields: Any) -> None:  # noqa: N807 - it takes its place
        fields = with_hidden_key(fields)
        initialise(self, **fields)

    return __init__


ClientOptions.__init__ = _hiding_the_key(ClientOptions.__init__)  # type: ignore[method-assign]


def _parse_endpoint(endpoint: str, *, plaintext: bool) -> tuple[str, int]:
    if not isinstance(endpoint, str) or not endpoint.strip():
        raise ConfigurationError("endpoint is missing; give HOST:PORT, for example localhost:5000")
    text = endpoint.strip()
    scheme, separator, rest = text.partition("://")
    if separator:
        scheme = scheme.lower()
        if scheme not in ("http", "https"):
            raise ConfigurationError(
                f"endpoint {endpoint!r}: the scheme {scheme!r} is not known; give HOST:PORT"
            )
        if (scheme == "http") != plaintext:
            raise ConfigurationError(
                f"endpoint {endpoint!r} contradicts plaintext={plaintext}; "
                "http:// needs plaintext=True (--plaintext), https:// needs it off (--tls)"
            )
        text = rest.removesuffix("/")
    host, port = _split_port(text, endpoint)
    if not host or any(c in host for c in "/?#@ \t"):
        raise ConfigurationError(
            f"endpoint {endpoint!r} is not HOST:PORT; for example localhost:5000 or [::1]:5000"
        )
    return host, port


def _parse_fingerprint(text: str) -> str:
    digits = text.strip().removeprefix("sha256:").replace(":", "").replace(" ", "").lower()
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise ConfigurationError(
            f"fingerprint {text!r}: give the SHA-256 of the certificate, 64 hex digits with or "
            "without colons"
        )
    return digits


def _split_port(text: str, endpoint: str) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise ConfigurationError(f"endpoint {endpoint!r}: write an IPv6 address as [::1]:5000")
        digits = tail[1:]
    else:
        if text.count(":") > 1:
            raise ConfigurationError(f"endpoint {endpoint!r}: write an IPv6 address as [::1]:5000")
        host, _, digits = text.partition(":")
    if not digits:
        raise ConfigurationError(
            f"endpoint {endpoint!r} has no port; the gateway's usual one is 5000: {text}:5000"
        )
    # Python refuses to read numbers of thousands of digits, in words of its own.
    whole = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    if not whole or not 0 < int(digits) < 65_536:
        raise ConfigurationError(
            f"endpoint {endpoint!r}: the port must be a number from 1 to 65535"
        )
    return host, int(digits)


def _check_seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name}: give seconds as a number, not {value!r}")
    if not math.isfinite(value) or value <= 0:
        raise ConfigurationError(f"{name}: give a positive number of seconds, not {value!r}")


def _check_size(name: str, value: object, low: int, high: int) -> None:
    _check_count(name, value, low, high, " of bytes")


def _check_count(name: str, value: object, low: int, high: int, unit: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigurationError(
            f"{name}: give a whole number{unit} from {low} to {high}, not {value!r}"
        )
