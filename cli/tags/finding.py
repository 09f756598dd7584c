"""`find`: objects and attributes of the galaxy by pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..options import Invocation
from ..output.console import console_for
from ..output.live import draws_table
from ..output.live_columns import Slot, fit
from ..output.long_tables import first_rows
from ..output.rows import Shape, write_rows
from ..output.tables import Cell, Column
from ..run import run_with_client
from .classes import category_name, class_name, native_type_name
from .patterns import is_pattern, objects_glob, search_tree

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.galaxy import HierarchyTree, TagHit

__all__ = ["HITS", "find_tags"]


def _traits(hit: TagHit) -> str:
    found = hit.attribute
    if found is None:
        return "area" if hit.object.is_area else ""
    return ", ".join(
        word
        for word, holds in (("alarm", found.is_alarm), ("history", found.is_historized))
        if holds
    )


def _kind(hit: TagHit) -> str:
    return "object" if hit.attribute is None else "attribute"


def _type(hit: TagHit) -> str:
    found = hit.attribute
    if found is None:
        return hit.object.template_chain[0] if hit.object.template_chain else "-"
    return native_type_name(found.mx_data_type, is_array=found.is_array)


def _security(hit: TagHit) -> str:
    found = hit.attribute
    return "-" if found is None else class_name(found.security_classification)


def _document(hit: TagHit) -> dict[str, Any]:
    found = hit.attribute
    document: dict[str, Any] = {
        "reference": hit.reference,
        "kind": _kind(hit),
        "object": hit.object.tag_name,
        "template": hit.object.template_chain[0] if hit.object.template_chain else "",
    }
    if found is None:
        return document | {"isArea": hit.object.is_area, "attributes": len(hit.object.attributes)}
    return document | {
        "attribute": found.attribute_name,
        "dataType": _type(hit),
        "isArray": found.is_array,
        "securityClassification": _security(hit),
        "category": category_name(found.mx_attribute_category),
        "isAlarm": found.is_alarm,
        "isHistorized": found.is_historized,
    }


def _cells(hit: TagHit) -> list[Cell | str]:
    name = Cell(hit.reference, "bold" if hit.attribute is None else "")
    return [name, _kind(hit), Cell(_type(hit), "dim"), _security(hit), _traits(hit)]


HITS: Final[Shape[TagHit]] = Shape(
    name="hits",
    document=_document,
    members=(
        *("reference", "kind", "object", "attribute", "template", "dataType", "isArray"),
        *("securityClassification", "category", "isAlarm", "isHistorized"),
    ),
    columns=(
        Column("Reference"),
        Column("Kind"),
        Column("Type or template"),
        Column("Security"),
        Column("Traits"),
    ),
    cells=_cells,
)
"""What a search found."""

_SLOTS: Final = (
    Slot("Reference", 0),
    Slot("Kind", 4),
    Slot("Type or template", 1, least=10),
    Slot("Security", 2),
    Slot("Traits", 3),
)


def find_tags(invocation: Invocation, pattern: str, *, objects: bool, attributes: bool) -> None:
    """Show the objects and attributes whose tag matches a pattern.

    Raises:
        MxGatewayError: The galaxy cannot be asked.
    """
    from ..completion import remember_tags

    environment = invocation.environment

    async def body(client: GatewayClient) -> HierarchyTree:
        return await search_tree(environment, client, pattern)

    tree = run_with_client(invocation, body)
    references = (found.full_tag_reference for node in tree for found in node.object.attributes)
    whole = not objects_glob(pattern)
    remember_tags(environment, invocation.connection.endpoint, references, whole=whole)
    hits = tree.find(pattern, objects=objects, attributes=attributes)
    if draws_table(invocation):
        console = console_for(environment)
        rows, columns = first_rows(hits, _cells), console.width
        hidden = len(hits) - len(rows)
        console.print(fit(_SLOTS, rows, columns).picture(rows, columns, hidden=hidden))
    else:
        write_rows(invocation, HITS, hits, extra={"query": {"pattern": pattern}})
    if not hits:
        wider = "" if is_pattern(pattern) else f": try '*{pattern}*'"
        environment.note(
            f"Nothing matches {pattern!r}. `*` stands for any text; the whole name has to match"
            f"{wider}."
        )
