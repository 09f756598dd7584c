"""Reading plant files (docs/plant-file.md)."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from os import PathLike
from typing import Any, Final

from mxgateway.bounded_files import read_bounded
from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.nesting import DocumentLimitError, parse_toml
from mxgateway.simulator.model.alarm_tables import read_alarm
from mxgateway.simulator.model.categories import ATTRIBUTE_CATEGORIES, CLASSES, TYPES
from mxgateway.simulator.model.check import LONGEST_ARRAY, problems_of
from mxgateway.simulator.model.entries import (
    ModelAttribute,
    ModelObject,
    ModelTemplate,
)
from mxgateway.simulator.model.kinds import read_signal
from mxgateway.simulator.model.lines import Lines
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.model.problems import Path, Problem
from mxgateway.simulator.model.tables import Table
from mxgateway.simulator.variant import type_info

__all__ = ["load_model", "parse_model"]

_MOST_BYTES: Final = 64_000_000
_PLACE = re.compile(r"(?P<text>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def load_model(path: str | PathLike[str]) -> PlantModel:
    """Return the plant that a file describes.

    A pipe that somebody writes to, as `<(...)` of a shell, is read to its end.

    Raises:
        ConfigurationError: The file cannot be read or has more than 64 MB, or is not sound; the
            text has every mistake with file, line and key path.
    """
    name = os.fspath(path)
    try:
        text = read_bounded(name, _MOST_BYTES, streams=True).decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"the plant file {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the plant file {name} is not UTF-8: {error}") from error
    return parse_model(text, name)


def parse_model(text: str, name: str = "<plant>") -> PlantModel:
    """Return the plant that the text of a plant file describes.

    Args:
        text: The text.
        name: What errors call the file.

    Raises:
        ConfigurationError: As for `load_model`.
    """
    # What tomllib does to line ends, so that the lines are the same.
    text = text.replace("\r\n", "\n")
    try:
        data = parse_toml(text)
    except DocumentLimitError as error:
        raise ConfigurationError(f"the plant file {name}: {error}") from error
    except ValueError as error:
        raise _syntax(text, name, str(error)) from error
    reader = _Reader(data)
    model = reader.model()
    if model is not None:
        return model
    lines = Lines(text)
    found = sorted((lines.of(path), _shown(path), what) for path, what in reader.problems)
    count = f"{len(found)} mistakes" if len(found) > 1 else "1 mistake"
    raise ConfigurationError(
        f"the plant file {name} has {count}:",
        places=[f"{name}:{line}: {path}: {what}" for line, path, what in found],
    )


def _syntax(text: str, name: str, message: str) -> ConfigurationError:
    match = _PLACE.fullmatch(message)
    if match is None:
        return ConfigurationError(f"the plant file {name} is not TOML: {message}")
    line = match["line"] or text.count("\n") + 1
    return ConfigurationError(
        f"the plant file {name} is not TOML:", places=[f"{name}:{line}: {match['text']}"]
    )


def _shown(path: Path) -> str:
    return ".".join(p if _BARE.fullmatch(p) else f'"{p}"' for p in path) or "the file"


class _Reader:
    """Reads one file and collects what is wrong with it."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._top = Table(data, (), self.problems)
        # Where an object says `area` or `container`; the model calls both its parent.
        self._parents: dict[str, str] = {}

    def model(self) -> PlantModel | None:
        """Return the plant, or None where there are problems."""
        top = self._top
        plant = top.table("plant")
        name, deployed = None, None
        if plant is not None:
            name, deployed = plant.text("name"), plant.moment("deployed")
            plant.close()
        templates = [self._template(name, table) for name, table in top.named_tables("templates")]
        draft = PlantModel.draft((), templates)
        objects = [self._object(draft, n, table) for n, table in top.named_tables("objects")]
        top.close()
        if not objects and not self.problems:
            self.problems.append((("objects",), "the plant has no objects"))
        model = PlantModel.draft(objects, templates, name=name or "Plant", deployed=deployed)
        # A mistake that was seen while reading may show again in the whole.
        seen = {path for path, _ in self.problems}
        found = [(self._in_file(path), text) for path, text in problems_of(model)]
        seen |= self._check_parents(model, seen | {path for path, _ in found})
        for path, text in found:
            if not any(path[: len(known)] == known for known in seen):
                self.problems.append((path, text))
        return None if self.problems else model

    def _in_file(self, path: Path) -> Path:
        if len(path) == 3 and path[0] == "objects" and path[2] == "parent":
            return (*path[:2], self._parents.get(path[1], "area"))
        return path

    def _check_parents(self, model: PlantModel, seen: set[Path]) -> set[Path]:
        """Add whose parent is of the other kind; return what is wrong by that already."""
        wrong: set[Path] = set()
        for name, key in self._parents.items():
            parent = model.by_name.get(model.by_name[name.lower()].parent.lower())
            if parent is None or model.is_area(parent) is (key == "area"):
                continue
            wrong.add(("objects", name, "contained_name"))
            above = ("objects", parent.name)
            # Whether it is an area is not known where its template is not.
            if seen.isdisjoint({above, (*above, "template")}):
                other = "container" if key == "area" else "area"
                what = "an area" if other == "area" else "no area"
                text = f"{parent.name} is {what}; write {other} = {parent.name!r}"
                self.problems.append((("objects", name, key), text))
        return wrong

    # -- templates and objects ---------------------------------------------------

    def _template(self, name: str, table: Table) -> ModelTemplate:
        above = table.text("derived_from")
        category = table.whole("category")
        attributes = self._attributes(table, {})
        table.close()
        return ModelTemplate(
            name=name,
            derived_from="$UserDefined" if above is None else above,
            category=category,
            attributes=attributes,
        )

    def _object(self, draft: PlantModel, name: str, table: Table) -> ModelObject:
        template = table.text("template")
        if template is None and not table.has("template"):
            table.problem("", "an object needs a template")
        number = table.whole("id")
        if number is not None and number < 1:
            table.problem("id", f"an id is 1 or more, not {number}")
        area, container = table.text("area"), table.text("container")
        if area and container:
            table.problem("container", "an object has an area or a container, not both")
        if container or area:
            self._parents[name] = "container" if container else "area"
        inherited = {
            attribute.name.lower(): attribute
            for attribute in draft.attributes_of_template(template or "")
        }
        spec = ModelObject(
            name=name,
            template=template or "$UserDefined",
            id=number or 0,
            parent=container or area or "",
            host=table.text("host") or "",
            contained_name=table.text("contained_name") or "",
            attributes=self._attributes(table, inherited),
            description=table.text("description") or "",
            security_group=table.text("security_group") or "",
        )
        table.close()
        return spec

    # -- attributes --------------------------------------------------------------

    def _attributes(
        self, table: Table, inherited: dict[str, ModelAttribute]
    ) -> tuple[ModelAttribute, ...]:
        found = []
        for name, inner in table.named_tables("attributes"):
            made = self._attribute(name, inner, inherited.get(name.lower()))
            if made is not None:
                found.append(made)
        return tuple(found)

    def _attribute(
        self, name: str, table: Table, inherited: ModelAttribute | None
    ) -> ModelAttribute | None:
        before = len(self.problems)
        data_type = self._word(table, "type", "data type", TYPES)
        if inherited is None and data_type is None:
            if not table.has("type"):
                table.problem("", "an attribute needs a type")
            data_type = MxDataType.UNSPECIFIED
        length = table.whole("length")
        changes: dict[str, Any] = {
            "data_type": data_type,
            "length": length,
            "classification": self._word(table, "class", "security class", CLASSES),
            "category": self._word(table, "category", "attribute category", ATTRIBUTE_CATEGORIES),
            "historized": table.flag("historized"),
            "quality": table.whole("quality"),
            "description": table.text("description"),
            "units": table.text("units"),
            "locked": table.flag("locked"),
            "labels": table.items("labels", "texts", str) if table.has("labels") else None,
        }
        changes = {key: value for key, value in changes.items() if value is not None}
        signal = table.table("signal")
        if signal is not None:
            changes["signal"] = read_signal(signal)
        if isinstance(table.peek("alarm"), bool):
            changes["flagged"], changes["alarms"] = table.flag("alarm"), ()
        elif table.has("alarm"):
            alarms = (read_alarm(entry) for entry in table.tables("alarm"))
            changes["alarms"] = tuple(alarm for alarm in alarms if alarm is not None)
            changes["flagged"] = False
        no_value, value = table.flag("no_value"), table.value("value")
        table.close()
        if len(self.problems) > before:
            return None
        if inherited is None:
            made = ModelAttribute(name=name, **changes)
        else:
            made = replace(inherited, **changes)
        if no_value:
            return replace(made, value=None)
        if value is not None:
            return replace(made, value=self._settled(table, made.data_type, value))
        if inherited is not None and made.value is not None:
            if made.data_type is inherited.data_type and made.length == inherited.length:
                return made
        elif inherited is not None and no_value is None:
            return made
        default = type_info(made.data_type).default if made.data_type in TYPES.values() else None
        if made.length is None:
            return replace(made, value=default)
        # A length that no array can have is refused later, with everything else.
        return replace(made, value=[default] * min(made.length, LONGEST_ARRAY))

    def _settled(self, table: Table, data_type: MxDataType, value: Any) -> Any:
        """Return a value as the model keeps it."""
        if data_type is MxDataType.QUALIFIED_STRUCT and isinstance(value, str):
            try:
                return bytes.fromhex(value)
            except ValueError:
                table.problem("value", "give the bytes as hexadecimal digits")
        return value

    def _word(self, table: Table, key: str, what: str, known: dict[str, Any]) -> Any:
        """Return what a word stands for, or the number that stands there instead."""
        if isinstance(table.peek(key), int) and key != "type":
            return table.whole(key)
        word = table.text(key)
        if word is None:
            return None
        found = {name.lower(): value for name, value in known.items()}.get(word.lower())
        if found is None:
            table.unknown(key, what, word, known)
        return found
