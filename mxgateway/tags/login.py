"""Login: who signs in for a secured or verified write."""

from __future__ import annotations

from dataclasses import dataclass, field

from mxgateway.redact import hidden

__all__ = ["Login"]


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the galaxy or of Windows, with the password; shown without it.

    Attributes:
        user: The name, `DOMAIN\\user` for a Windows user.
        password: The password, kept as a `Secret`. It goes out with AuthenticateUser only.
    """

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "password", hidden(self.password))

    def __str__(self) -> str:
        return self.user
