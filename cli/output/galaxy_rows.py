"""Objects of the galaxy and its deploys: how they look in each format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .rows import Narrow, Shape
from .tables import Cell, Column
from .text import edged
from .values import time_text

if TYPE_CHECKING:
    from mxgateway.generated.galaxy_repository.v1 import DeployEvent, GalaxyObject

__all__ = ["BROWSED", "BROWSED_RANKS", "DEPLOYS", "OBJECTS", "OBJECTS_RANKS", "Browsed"]


def _document(message: Any) -> dict[str, Any]:
    from mxgateway.codec import to_jsonable

    document: dict[str, Any] = to_jsonable(message)
    return document


def _cells(found: GalaxyObject) -> list[Cell | str]:
    return [
        Cell(found.tag_name, "bold" if found.is_area else ""),
        found.contained_name or "-",
        str(found.gobject_id),
        str(found.parent_gobject_id) if found.parent_gobject_id else "-",
        str(found.category_id),
        found.template_chain[0] if found.template_chain else "-",
        str(len(found.attributes)),
    ]


def _csv(found: GalaxyObject) -> list[Any]:
    return [
        *(found.gobject_id, found.tag_name, found.contained_name, found.browse_name),
        *(found.parent_gobject_id, found.is_area, found.category_id, found.hosted_by_gobject_id),
        "|".join(found.template_chain),
        len(found.attributes),
    ]


_MEMBERS = (
    *("gobjectId", "tagName", "containedName", "browseName", "parentGobjectId", "isArea"),
    *("categoryId", "hostedByGobjectId", "templateChain", "attributeCount"),
)
_COLUMNS = (
    Column("Tag name"),
    Column("Contained name"),
    Column("Id", right=True),
    Column("Parent", right=True),
    Column("Category", right=True),
    Column("Template"),
    Column("Attributes", right=True),
)

OBJECTS: Shape[GalaxyObject] = Shape(
    name="objects",
    document=_document,
    members=_MEMBERS,
    csv=_csv,
    columns=_COLUMNS,
    cells=_cells,
)
"""Objects with their attributes; tables and CSV count the attributes."""
OBJECTS_RANKS: Final = (-1, 4, 3, 6, 5, (1, 12), 2)


@dataclass(frozen=True, slots=True)
class Browsed:
    """An object of a browse.

    Attributes:
        found: The object.
        has_children: What the gateway said about children; a hint.
        level: 1 for the level that was asked for, 2 for the one below it, and so on.
    """

    found: GalaxyObject
    has_children: bool
    level: int


def _browsed(row: Browsed) -> list[Cell | str]:
    first, *rest = _cells(row.found)
    assert isinstance(first, Cell)
    # A blank at the edge of the name itself has to be told from how deep it stands.
    name = Cell("  " * (row.level - 1) + edged(first.text), first.style, layout=True)
    return [name, "yes" if row.has_children else "no", *rest]


BROWSED: Shape[Browsed] = Shape(
    name="children",
    document=lambda row: (
        _document(row.found) | {"hasChildren": row.has_children, "level": row.level}
    ),
    members=("level", "hasChildren", *_MEMBERS),
    csv=lambda row: [row.level, row.has_children, *_csv(row.found)],
    columns=(_COLUMNS[0], Column("Children"), *_COLUMNS[1:]),
    cells=_browsed,
)
"""Objects below a parent, each in front of what is below it."""
BROWSED_RANKS: Final = (-1, 1, 5, 4, 7, 6, (2, 12), 3)


def _deploy(event: DeployEvent) -> list[Cell | str]:
    return [
        str(event.sequence),
        time_text(event.time_of_last_deploy) if event.time_of_last_deploy_present else "never",
        time_text(event.observed_at),
        str(event.object_count),
        str(event.attribute_count),
    ]


def _compact_deploy(event: DeployEvent) -> list[Cell | str]:
    sequence, deployed, _, objects, attributes = _deploy(event)
    return [sequence, deployed, objects, attributes]


_DEPLOY_COLUMNS = (
    Column("Sequence", right=True),
    Column("Deployed (UTC)", room=28),
    Column("Seen by the gateway (UTC)", room=28),
    Column("Objects", right=True),
    Column("Attributes", right=True),
)
_WIDE = 90  # Cells of a terminal that all columns need.

DEPLOYS: Shape[DeployEvent] = Shape(
    name="events",
    document=_document,
    members=(
        *("sequence", "timeOfLastDeploy", "timeOfLastDeployPresent", "observedAt"),
        *("objectCount", "attributeCount"),
    ),
    columns=_DEPLOY_COLUMNS,
    cells=_deploy,
    narrow=Narrow(
        columns=(*_DEPLOY_COLUMNS[:2], *_DEPLOY_COLUMNS[3:]), cells=_compact_deploy, below=_WIDE
    ),
)
"""Deploys of the galaxy."""
