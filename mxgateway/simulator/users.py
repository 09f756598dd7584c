"""Who may sign in to a galaxy, and who has in a session (MXAccess reference, section 1.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from mxgateway.errors import ConfigurationError

__all__ = [
    "DEFAULT_GROUP",
    "DEMO_USERS",
    "PERMISSIONS",
    "GalaxyUser",
    "Security",
    "SignedIn",
    "Users",
]

Security = Literal["none", "galaxy", "windows"]
"""How a galaxy checks logins."""

PERMISSIONS = frozenset({"operate", "tune", "configure", "acknowledge"})

DEFAULT_GROUP = "Default"
"""The security group of an object that was put in no other."""


@dataclass(frozen=True)
class GalaxyUser:
    r"""One user of the galaxy.

    Attributes:
        name: The name to sign in with; `DOMAIN\name` works too.
        password: The password. Never shown.
        guid: What ArchestrAUserToId takes, with or without braces.
        permissions: What the user may do; secured and verified writes need "operate".
        groups: The security groups whose objects the permissions are for, whatever the
            case; None for all.

    Raises:
        ConfigurationError: The name is empty, or there is no such permission.
    """

    name: str
    password: str = field(repr=False)
    guid: str = ""
    permissions: frozenset[str] = frozenset({"operate"})
    groups: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("a user has no name")
        unknown = sorted(set(self.permissions) - PERMISSIONS)
        if unknown:
            raise ConfigurationError(
                f"user {self.name}: no such permission: {', '.join(unknown)}; "
                f"known are {', '.join(sorted(PERMISSIONS))}"
            )

    def may(self, permission: str, group: str) -> bool:
        """Whether the user has a permission for the objects of a security group."""
        if permission not in self.permissions:
            return False
        return self.groups is None or group.lower() in {name.lower() for name in self.groups}


# Known to everybody on purpose: they open nothing but a simulator.
DEMO_USERS = (
    GalaxyUser("operator", "operator", "{6f5a1c7e-0d5b-4c55-9a51-0f6f1b1f0001}"),
    GalaxyUser(
        "supervisor",
        "supervisor",
        "{6f5a1c7e-0d5b-4c55-9a51-0f6f1b1f0002}",
        frozenset({"operate", "tune", "acknowledge"}),
    ),
    GalaxyUser("engineer", "engineer", "{6f5a1c7e-0d5b-4c55-9a51-0f6f1b1f0003}", PERMISSIONS),
    GalaxyUser("viewer", "viewer", "{6f5a1c7e-0d5b-4c55-9a51-0f6f1b1f0004}", frozenset()),
)


class Users:
    """The users of a galaxy by name and by GUID; comparison ignores case.

    Raises:
        ConfigurationError: Two users have the same name or the same GUID.
    """

    def __init__(self, users: Iterable[GalaxyUser]) -> None:
        self._by_name: dict[str, GalaxyUser] = {}
        self._by_guid: dict[str, GalaxyUser] = {}
        for user in users:
            guid = _bare(user.guid)
            if user.name.lower() in self._by_name or guid in self._by_guid:
                raise ConfigurationError(f"user {user.name}: the name or the GUID comes twice")
            self._by_name[user.name.lower()] = user
            if guid:
                self._by_guid[guid] = user

    def sign_in(self, name: str, password: str) -> GalaxyUser | None:
        """Return the user, or None where name and password do not fit."""
        key = name.lower()
        user = self._by_name.get(key) or self._by_name.get(key.rpartition("\\")[2])
        return user if user is not None and user.password == password else None

    def by_guid(self, guid: str) -> GalaxyUser | None:
        """Return the user with this GUID, or None."""
        return self._by_guid.get(_bare(guid))


class SignedIn:
    """The user ids of one session; they mean nothing in another one."""

    def __init__(self) -> None:
        self._users: list[GalaxyUser] = []

    def id_of(self, user: GalaxyUser) -> int:
        """Return the user's id, a new one if there is none yet; ids begin at 1."""
        if user not in self._users:
            self._users.append(user)
        return self._users.index(user) + 1

    def user(self, user_id: int) -> GalaxyUser | None:
        """Return whom an id stands for, or None."""
        return self._users[user_id - 1] if 0 < user_id <= len(self._users) else None


def _bare(guid: str) -> str:
    return guid.strip("{}").lower()
