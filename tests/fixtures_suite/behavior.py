"""Reads fixtures/behavior: the manifest, and protobuf JSON into Google's messages and ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_messages
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict, ParseDict

import mxgateway.generated.mxaccess_gateway.v1 as gateway
from mxgateway.codec import decode

__all__ = ["FOLDER", "Fixture", "canonical", "fixture", "fixtures", "from_json", "manifest"]

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "behavior"
_PACKAGE = "mxaccess_gateway.v1."


@dataclass(frozen=True, slots=True)
class Fixture:
    """One entry of the manifest.

    Attributes:
        id: Unique name, `category.what.outcome`.
        category: Which kind of behaviour it shows.
        message_type: Full name of the messages in it; "" where it holds none.
        path: Relative to `FOLDER`.
        expectation: What a client does with it, in words.
    """

    id: str
    category: str
    message_type: str
    path: str
    expectation: str

    def load(self) -> Any:
        """Return the content of the file."""
        return json.loads((FOLDER / self.path).read_text(encoding="utf-8"))

    @property
    def message_class(self) -> type[Any]:
        """Our class of the messages in it."""
        cls: type[Any] = getattr(gateway, self.message_type.removeprefix(_PACKAGE))
        return cls

    @property
    def outcome(self) -> str:
        """The last part of the id, such as "ok" or "mxaccess-failure"."""
        return self.id.rpartition(".")[2]

    def messages(self, content: Any) -> Iterator[tuple[Any, Any]]:
        """Yield (holder, key) of every message in `content`, which may be replaced there."""
        match self.category:
            case "event-stream":
                yield from ((content["events"], i) for i in range(len(content["events"])))
            case "values":
                yield from ((case, "value") for case in content["cases"])
            case "statuses":
                yield from ((case, "status") for case in content["cases"])


def manifest() -> dict[str, Any]:
    """Return the manifest as it stands in the file."""
    document: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return document


def fixtures(category: str | None = None) -> list[Fixture]:
    """Return the fixtures of the manifest, of one category or all."""
    entries = [
        Fixture(
            id=entry["id"],
            category=entry["category"],
            message_type=entry["messageType"],
            path=entry["path"],
            expectation=entry["expectation"],
        )
        for entry in manifest()["fixtures"]
    ]
    return [entry for entry in entries if category in (None, entry.category)]


def fixture(name: str) -> Fixture:
    """Return the fixture with this id."""
    (found,) = (entry for entry in fixtures() if entry.id == name)
    return found


def _google(message_type: str, shown: Any) -> Any:
    module = google_messages.load_google_modules().gateway_pb2
    return ParseDict(shown, getattr(module, message_type.removeprefix(_PACKAGE))())


def from_json(message_type: str, shown: Any) -> Any:
    """Return our message of what protobuf JSON shows, read by Google's parser."""
    cls = getattr(gateway, message_type.removeprefix(_PACKAGE))
    return decode(cls, _google(message_type, shown).SerializeToString())


def canonical(message_type: str, shown: Any) -> Any:
    """Return protobuf JSON as Google prints it with every field, in the order of their numbers."""
    message = _google(message_type, shown)
    whole = MessageToDict(message, always_print_fields_with_no_presence=True)
    return _ordered(whole, message.DESCRIPTOR)


def _ordered(shown: Any, descriptor: Descriptor | None) -> Any:
    if isinstance(shown, list):
        return [_ordered(element, descriptor) for element in shown]
    if descriptor is None or not isinstance(shown, dict):
        return shown
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    return {
        field.json_name: _ordered(shown[field.json_name], field.message_type)
        for field in fields
        if field.json_name in shown
    }
