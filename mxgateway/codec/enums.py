"""Enum numbers to members and names, as table look-ups."""

from __future__ import annotations

from typing import Any

import betterproto2

__all__ = ["members", "names"]

# A peer can send four thousand million different unknown numbers; only so many are kept.
_MAX_UNKNOWN = 1024


class _Members(dict[int, betterproto2.Enum]):
    """Members by number; an unknown number becomes a nameless member of the same enum."""

    def __init__(self, cls: type[betterproto2.Enum]) -> None:
        super().__init__((int(member), member) for member in cls)
        self.cls = cls
        self.room = _MAX_UNKNOWN

    def __missing__(self, number: int) -> betterproto2.Enum:
        member = self.cls(number)
        member._proto_name = None  # type: ignore[attr-defined]  # betterproto2 leaves it unset
        if self.room > 0:
            self.room -= 1
            self[number] = member
        return member


class _Names(dict[int, Any]):
    """Names in the .proto file by number; an unknown number stands for itself."""

    def __missing__(self, number: int) -> int:
        return int(number)


_members: dict[type, _Members] = {}
_names: dict[type, _Names] = {}


def members(cls: type[betterproto2.Enum]) -> dict[int, betterproto2.Enum]:
    """Return the table from a number to the member; `table[n]` never fails for an int."""
    if cls not in _members:
        _members[cls] = _Members(cls)
    return _members[cls]


def names(cls: type[betterproto2.Enum]) -> dict[int, Any]:
    """Return the table from a number to what protobuf JSON prints: the full name, or the number."""
    if cls not in _names:
        renamed = cls.betterproto_value_to_renamed_proto_names()
        _names[cls] = _Names((int(m), renamed.get(int(m), m.name)) for m in cls)
    return _names[cls]
