r"""Native alarm queries, `\\node\Galaxy!Area!filter` (MXAccess reference, section 9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mxgateway.simulator.alarms.points import AlarmPoint

__all__ = ["AlarmQuery"]

_PART = re.compile(
    r"(?:\\\\[^\\!]+)?\\(?P<provider>[^\\!]+)!(?P<area>[^\\!]*)(?:!(?P<filter>[^\\!]*))?"
)


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """What a worker's alarm subscription is about.

    Attributes:
        parts: Provider, area and filter of each part; empty for everything.
    """

    parts: tuple[tuple[str, str, str], ...]

    @classmethod
    def parse(cls, expression: str) -> AlarmQuery:
        """Read an expression; several queries are separated by blanks.

        Raises:
            ValueError: It has another form.
        """
        parts = []
        for text in expression.split():
            match = _PART.fullmatch(text)
            if match is None:
                raise ValueError(rf"{text!r} is no alarm query; give \\node\Galaxy!Area")
            parts.append((match["provider"].lower(), match["area"], match["filter"] or "*"))
        return cls(tuple(parts))

    def wants(self, point: AlarmPoint, covers: Callable[[str, str], bool]) -> bool:
        """Whether an alarm belongs to it; `covers(area, group)` knows the areas."""
        name = point.spec.short.lower()
        own = point.reference.partition("!")[0].lower()
        return not self.parts or any(
            provider == own
            and (area in ("", "*") or covers(area, point.group))
            and fnmatchcase(name, pattern.lower())
            for provider, area, pattern in self.parts
        )
