"""What a command line left behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["LIMIT", "Outcome"]

LIMIT = 30  # seconds; no process of a test may take longer


@dataclass(frozen=True)
class Outcome:
    """Exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """stdout as the one JSON document it has to be."""
        return json.loads(self.out)

    def rows(self) -> list[dict[str, Any]]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]
