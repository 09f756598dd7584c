"""Login: who signs in for a secured or verified write."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Login"]


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the galaxy or of Windows, with the password; shown without it.

    Attributes:
        user: The name, `DOMAIN\\user` for a Windows user.
        password: The password. It goes out with AuthenticateUser only.
    """

    user: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        return self.user
