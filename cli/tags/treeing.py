"""`tree`: the galaxy from the top or from one object, fetched level by level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mxgateway.printable import printable

from ..options import Invocation, OutputFormat
from ..output.console import console_for, recording_console
from ..output.live_export import export
from ..output.long_tables import first_rows, rest_words
from ..output.progress import WalkBar
from ..output.rows import Shape, write_rows
from ..output.spark import draws_blocks
from ..output.tables import Cell, Column, line_of
from ..output.text import edged
from ..run import run_with_client

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mxgateway.browse import LazyBrowseNode
    from mxgateway.client import GatewayClient
    from mxgateway.galaxy import GalaxyRepositoryClient
    from mxgateway.generated.galaxy_repository.v1 import GalaxyObject

__all__ = ["TreeRequest", "show_tree"]

_AT_ONCE: Final = 8  # levels fetched together
_LEAST_ROOM: Final = 20  # cells right of the arms below which words are not kept together


@dataclass(frozen=True, slots=True)
class TreeRequest:
    """What of the galaxy to show.

    Attributes:
        path: Contained path or tag name to begin at; None for the roots.
        depth: Levels to show; None for all.
        attributes: Whether attributes are listed below their objects.
        export_file: Where a picture goes, or None.
    """

    path: str | None
    depth: int | None
    attributes: bool
    export_file: str | None


@dataclass(slots=True)
class _Twig:
    """One object as it is shown; `children` is None where they were not fetched."""

    object: GalaxyObject
    depth: int
    more: bool
    parent: _Twig | None = None
    start: str = ""  # path of the twig that the user named
    children: list[_Twig] | None = None
    attributes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        found = self.object
        return found.browse_name or found.contained_name or found.tag_name

    @property
    def path(self) -> str:
        names = []
        twig: _Twig | None = self
        while twig is not None:
            names.append(twig.start or twig.name)
            twig = twig.parent
        return "/".join(reversed(names))

    def walk(self) -> Iterator[_Twig]:
        waiting = [self]
        while waiting:
            twig = waiting.pop()
            yield twig
            waiting += reversed(twig.children or ())


def show_tree(invocation: Invocation, request: TreeRequest) -> None:
    """Show part of the galaxy.

    Raises:
        GalaxyNotFoundError: There is no such path or tag name.
        MxGatewayError: The galaxy cannot be asked.
    """

    async def body(client: GatewayClient) -> list[_Twig]:
        from mxgateway.galaxy import GalaxyRepositoryClient

        with WalkBar(invocation.environment, "objects") as bar:
            return await _grow(GalaxyRepositoryClient.on(client), request, bar)

    from ..completion import remember_tags

    roots = run_with_client(invocation, body)
    environment = invocation.environment
    references = [tag for root in roots for twig in root.walk() for tag in twig.attributes]
    remember_tags(environment, invocation.connection.endpoint, references, whole=False)
    lines = partial(_lines, roots, request, draws_blocks(environment))
    if invocation.format is not OutputFormat.TABLE or invocation.fields:
        rows = [twig for root in roots for twig in root.walk()]
        write_rows(invocation, _shape(request), rows, extra={"query": {"path": request.path}})
    elif environment.is_terminal:
        console = console_for(environment)
        console.print(_picture(lines, console.width))
    else:
        environment.show_all(map(_plain, lines()))
    export(
        environment, request.export_file, "mxgw-py tree", lambda columns: _picture(lines, columns)
    )
    hidden = sum(twig.more for root in roots for twig in root.walk() if twig.children is None)
    if hidden and invocation.format is OutputFormat.TABLE:
        marked = "the object marked +" if hidden == 1 else f"{hidden} objects marked +"
        environment.note(
            f"Below {marked} there is more: raise --depth, give --all, or begin there."
        )


async def _grow(galaxy: GalaxyRepositoryClient, request: TreeRequest, bar: WalkBar) -> list[_Twig]:
    """Fetch the levels that are shown, and no more."""
    from mxgateway.galaxy import BrowseOptions

    if request.path is None:
        nodes = await galaxy.browse(BrowseOptions())
        roots = [_twig(n.object, 1, None, more=n.has_children_hint) for n in nodes]
        await _expand(list(zip(roots, nodes, strict=True)), request, bar)
        return roots
    top = await _top(galaxy, request.path)
    nodes = await galaxy.browse(BrowseOptions(parent_gobject_id=top.object.gobject_id))
    top.more = bool(nodes)
    if request.depth != 0:
        top.children = [_twig(n.object, 1, top, more=n.has_children_hint) for n in nodes]
        await _expand(list(zip(top.children, nodes, strict=True)), request, bar)
    return [top]


async def _expand(
    level: list[tuple[_Twig, LazyBrowseNode]], request: TreeRequest, bar: WalkBar
) -> None:
    """Fetch what is below a level, level by level, several objects at once."""
    import anyio

    known = 0
    errors: list[Exception] = []
    waiting: Iterator[tuple[_Twig, LazyBrowseNode]]
    following: list[tuple[_Twig, LazyBrowseNode]]

    async def work() -> None:
        nonlocal known
        for twig, node in waiting:
            try:
                await node.expand()
            except Exception as error:
                errors.append(error)
                tasks.cancel_scope.cancel()
                return
            known += len(node.children)
            bar.show(known)
            twig.children = [
                _twig(child.object, twig.depth + 1, twig, more=child.has_children_hint)
                for child in node.children
            ]
            following.extend(zip(twig.children, node.children, strict=True))

    while level:
        waiting, following = (
            iter(
                [
                    (twig, node)
                    for twig, node in level
                    if node.has_children_hint
                    and (request.depth is None or twig.depth < request.depth)
                ]
            ),
            [],
        )
        async with anyio.create_task_group() as tasks:
            for _ in range(_AT_ONCE):
                tasks.start_soon(work)
        if errors:
            raise errors[0]  # bare: a group tells people nothing more
        level = following


async def _top(galaxy: GalaxyRepositoryClient, path: str) -> _Twig:
    """Return the object at a contained path, or with a tag name."""
    from mxgateway.errors import GalaxyNotFoundError
    from mxgateway.galaxy import DiscoverHierarchyOptions

    by_path = DiscoverHierarchyOptions(root_contained_path=path, max_depth=0)
    by_tag = DiscoverHierarchyOptions(root_tag_name=path, max_depth=0)
    for options in (by_path, by_tag):
        try:
            found = await galaxy.discover_hierarchy(options)
        except GalaxyNotFoundError:
            continue
        if found:
            twig = _twig(found[0], 0, None, more=False)
            twig.start = path if options is by_path else twig.name
            return twig
    raise GalaxyNotFoundError(f"the galaxy has no object at the path or with the name {path!r}")


def _twig(found: GalaxyObject, depth: int, parent: _Twig | None, *, more: bool) -> _Twig:
    twig = _Twig(found, depth, more, parent)
    twig.attributes = [each.full_tag_reference for each in found.attributes]
    return twig


# -- what is shown -------------------------------------------------------------------

_Line = tuple[str, tuple[Cell, ...]]


_ARMS: Final = ("├─ ", "└─ ", "│  ", "   ")
_PLAIN_ARMS: Final = ("|- ", "`- ", "|  ", "   ")


def _lines(roots: Sequence[_Twig], request: TreeRequest, blocks: bool) -> Iterator[_Line]:
    arms = _ARMS if blocks else _PLAIN_ARMS
    # What is to be shown next is the last one, with what stands left of it and of what is below.
    waiting: list[tuple[_Twig | str, str, str]] = [(root, "", "") for root in reversed(roots)]
    while waiting:
        shown, arm, stem = waiting.pop()
        if isinstance(shown, str):
            yield arm, (Cell(edged(shown), "dim"),)
            continue
        yield arm, _words(shown)
        below: list[_Twig | str] = [*(shown.attributes if request.attributes else ())]
        below += shown.children or []
        entries = [(each, stem + arms[0], stem + arms[2]) for each in below[:-1]]
        entries += [(each, stem + arms[1], stem + arms[3]) for each in below[-1:]]
        waiting += reversed(entries)


def _words(twig: _Twig) -> tuple[Cell, ...]:
    found = twig.object
    cells = [Cell(edged(twig.name), "bold cyan" if found.is_area else "bold")]
    if found.tag_name != twig.name:
        cells.append(Cell(f" {edged(found.tag_name)}", "cyan" if found.is_area else ""))
    facts = [] if not found.template_chain else [found.template_chain[0]]
    if twig.children:
        facts.append(_count(len(twig.children), "object"))
    if twig.attributes:
        facts.append(_count(len(twig.attributes), "attribute"))
    cells.append(Cell(f"  {', '.join(facts)}" if facts else "", "dim"))
    if twig.children is None and twig.more:
        cells.append(Cell("  +", "bold yellow"))
    return tuple(cells)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _plain(line: _Line) -> str:
    return line[0] + "".join(printable(cell.text) for cell in line[1])


def _picture(lines: Callable[[], Iterator[_Line]], columns: int) -> RenderableType:
    """Return the tree for a terminal: what has no room goes on below its own name."""
    from rich.console import Group
    from rich.text import Text

    console = recording_console(columns)
    parts = []
    waiting = lines()
    for shown in first_rows(waiting, lambda line: (Cell(line[0], "dim"), *line[1])):
        arm, cells = shown[0].text, shown[1:]
        words = line_of(cells)
        room = columns - len(arm)
        folded = [words] if room < _LEAST_ROOM else words.wrap(console, room, overflow="fold")
        for n, line in enumerate(folded):
            line.rstrip()
            parts.append(Text("").join((Text(_below(arm) if n else arm, "dim"), line)))
    hidden = sum(1 for _ in waiting)
    if hidden:
        parts.append(line_of([Cell(rest_words(hidden, "lines"), "yellow")]))
    for part in parts:
        part.overflow = "fold"
    return Group(*parts)


def _below(arm: str) -> str:
    """Return what stands left of a line that goes on below another one."""
    for kinds in (_ARMS, _PLAIN_ARMS):
        if arm.endswith(kinds[0]):
            return arm[:-3] + kinds[2]
    return arm[:-3] + "   " if arm else ""


def _shape(request: TreeRequest) -> Shape[_Twig]:
    return Shape(
        name="objects",
        document=lambda twig: _document(twig, request),
        members=(
            *("path", "tagName", "name", "depth", "isArea", "template", "children"),
            *("hasChildren", "attributes"),
        ),
        columns=(Column("Path"), Column("Tag name")),
        cells=lambda twig: [twig.path, twig.object.tag_name],
    )


def _document(twig: _Twig, request: TreeRequest) -> dict[str, Any]:
    found = twig.object
    return {
        "path": twig.path,
        "tagName": found.tag_name,
        "name": twig.name,
        "depth": twig.depth,
        "isArea": found.is_area,
        "template": found.template_chain[0] if found.template_chain else "",
        "hasChildren": bool(twig.children) or twig.more,
        "children": None if twig.children is None and twig.more else len(twig.children or ()),
        "attributes": twig.attributes if request.attributes else len(twig.attributes),
    }
