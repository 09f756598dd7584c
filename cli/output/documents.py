"""JSON output: sorted keys, ASCII only, the same bytes for the same reply."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["json_document", "json_line", "reply_document"]

_HANDLES = ("serverHandle", "itemHandle")


def json_document(content: Any) -> str:
    """Return `content` as one indented JSON document with a line end."""
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def json_line(content: Any) -> str:
    """Return `content` as JSON on one line, without the line end."""
    return json.dumps(
        content, separators=(",", ":"), sort_keys=True, ensure_ascii=True, allow_nan=False
    )


def reply_document(reply: Any, *, correlation_id: str | None) -> dict[str, Any]:
    """Return a reply in protobuf JSON, with the handles it yields at the top level.

    A correlation id that the client made up would differ from run to run; it is
    left out unless the user gave one.
    """
    from mxgateway.codec import to_jsonable

    document: dict[str, Any] = to_jsonable(reply)
    if correlation_id is None:
        document.pop("correlationId", None)
    for payload in [part for part in document.values() if isinstance(part, dict)]:
        for name in _HANDLES:
            if isinstance(payload.get(name), int):
                document[name] = payload[name]
    return document
