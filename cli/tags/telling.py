"""`info`: what the galaxy and the plant say about one tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..deadline import seconds_left
from ..exit_codes import ExitCode
from ..failures import tell_in_json
from ..options import Invocation
from ..output.live_words import age_text, level_cell, status_cell
from ..output.results import write_result
from ..output.tables import Cell
from ..output.values import MOST_ON_SCREEN, time_text, value_text
from ..run import run_with_client
from .classes import category_name, class_name, native_type_name, write_needs
from .reading import reading_document

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.errors import MxGatewayError
    from mxgateway.galaxy import TagHit
    from mxgateway.reading import TagValue

__all__ = ["tell_tag"]


def tell_tag(invocation: Invocation, tag: str) -> ExitCode:
    """Show metadata, present value, and what a write needs.

    A galaxy that cannot be asked does not hide the value; it is told in its place.

    Raises:
        MxGatewayError: The tag cannot be read at all: no connection, no session.
    """
    from mxgateway.errors import MxGatewayError

    async def body(client: GatewayClient) -> tuple[_Found, TagValue]:
        try:
            found = await _look_up(client, tag)
        except MxGatewayError as error:
            found = _Found(problem=error)
        [value] = await client.read([tag], timeout=seconds_left())
        return found, value

    found, value = run_with_client(invocation, body)
    hit, problem = found.hit, found.problem
    document = {
        "tag": tag,
        "galaxy": None if hit is None else _metadata(hit),
        "galaxyError": None if problem is None else problem.to_dict(),
        "reading": reading_document(value),
    }
    aged = invocation.environment.is_terminal  # elsewhere no clock changes the bytes
    write_result(invocation, document, lambda: _fields(tag, found, value, aged=aged))
    if value.ok:
        return ExitCode.OK
    message = f"{tag} could not be read: {value.status}"
    facts = {"type": "PartialFailure", "message": message, "failed": 1, "total": 1}
    return tell_in_json(invocation, ExitCode.PARTIAL, facts)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the galaxy says: the attribute, or that the name is an object's, or neither."""

    hit: TagHit | None = None
    object_name: str = ""
    problem: MxGatewayError | None = None


async def _look_up(client: GatewayClient, tag: str) -> _Found:
    from mxgateway.galaxy import DiscoverHierarchyOptions, GalaxyRepositoryClient, HierarchyTree

    name = tag.partition(".")[0]
    galaxy = GalaxyRepositoryClient.on(client)
    found = await galaxy.discover_hierarchy(DiscoverHierarchyOptions(tag_name_glob=name))
    bare = tag.casefold().partition("[")[0]
    for hit in HierarchyTree(found, max_depth=client.options.max_depth).find(
        f"{name}.*", objects=False
    ):
        if hit.reference.casefold().removesuffix("[]") == bare:
            return _Found(hit)
    names = (each.tag_name for each in found if each.tag_name.casefold() == bare)
    return _Found(object_name=next(names, ""))


def _metadata(hit: TagHit) -> dict[str, Any]:
    found, owner = hit.attribute, hit.object
    assert found is not None
    return {
        "reference": hit.reference,
        "object": owner.tag_name,
        "containedName": owner.contained_name,
        "template": owner.template_chain[0] if owner.template_chain else "",
        "attribute": found.attribute_name,
        "dataType": native_type_name(found.mx_data_type, is_array=found.is_array),
        "isArray": found.is_array,
        "arrayDimension": found.array_dimension if found.array_dimension_present else None,
        "category": category_name(found.mx_attribute_category),
        "securityClassification": class_name(found.security_classification),
        "writeNeeds": write_needs(found.security_classification, found.mx_attribute_category),
        "isAlarm": found.is_alarm,
        "isHistorized": found.is_historized,
    }


def _fields(
    tag: str, found: _Found, value: TagValue, *, aged: bool
) -> Iterator[tuple[str, Cell | str]]:
    hit, problem = found.hit, found.problem
    yield "Tag", Cell(hit.reference if hit is not None else tag, "bold")
    most = MOST_ON_SCREEN if aged else 0
    yield "Value", value_text(value.raw, most=most) if value.ok else Cell("-", "dim")
    yield "Quality", level_cell(value, number=True)
    yield "Status", status_cell(value)
    yield "Source time", time_text(value.timestamp)
    if aged:
        yield "Age", age_text(value.age())
    if problem is not None:
        yield "Galaxy", Cell(f"cannot be asked: {problem.message}", "yellow")
    elif found.object_name:
        words = f"an object; `mxgw-py tree {found.object_name} --attributes` lists its tags"
        yield "Galaxy", Cell(words, "yellow")
    elif hit is None:
        yield "Galaxy", Cell("has no such attribute, or the key may not see it", "yellow")
    if hit is None:
        yield "Type", "-" if value.error is not None else value.type_name
        return
    facts = _metadata(hit)
    yield (
        "Type",
        facts["dataType"]
        + ("" if facts["arrayDimension"] is None else f" of {facts['arrayDimension']} elements"),
    )
    contained = f", contained as {facts['containedName']}" if facts["containedName"] else ""
    yield "Object", f"{facts['object']}{contained}"
    yield "Template", facts["template"] or "-"
    yield "Category", facts["category"]
    yield "Security", facts["securityClassification"]
    yield "For a write", facts["writeNeeds"]
    yield "Alarm", "yes" if facts["isAlarm"] else "no"
    yield "History", "yes" if facts["isHistorized"] else "no"
