"""The connection options after command line and environment were weighed."""

from __future__ import annotations

from dataclasses import dataclass

from mxgateway.options import ClientOptions

__all__ = ["DEFAULT_TIMEOUT", "Connection"]

DEFAULT_TIMEOUT = 30.0
_CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Connection:
    """Where the gateway is and how to reach it.

    Attributes:
        endpoint: As it was given.
        plaintext: True without TLS.
        api_key: The key itself; never shown.
        auth_source: Where the key came from, in words; never the key.
        ca_file: PEM file of the authorities to trust, or None for the system's.
        server_name_override: Name to expect in the certificate, or None.
        timeout: Seconds for one call, or None where the user gave none.
    """

    endpoint: str
    plaintext: bool
    api_key: str | None
    auth_source: str
    ca_file: str | None
    server_name_override: str | None
    timeout: float | None

    def options(self) -> ClientOptions:
        """Return the options of a client.

        Connecting has at most 10 s, and never more than the timeout.

        Raises:
            ConfigurationError: A value is wrong or two contradict each other.
        """
        timeout = DEFAULT_TIMEOUT if self.timeout is None else self.timeout
        return ClientOptions(
            endpoint=self.endpoint,
            api_key=self.api_key,
            plaintext=self.plaintext,
            ca_file=self.ca_file,
            server_name_override=self.server_name_override,
            connect_timeout=min(_CONNECT_TIMEOUT, timeout),
            call_timeout=timeout,
        )

    def facts(self) -> dict[str, str]:
        """Return what an error message says about the connection; the key is not in it."""
        return {
            "client": "mxgw-py",
            "endpoint": self.endpoint,
            "security": "plaintext" if self.plaintext else "TLS",
            "auth": self.auth_source,
        }
