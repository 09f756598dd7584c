"""The pages on parity and findings name what exists: names of the library, commands, tests."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from doc_blocks import ROOT

import mxgateway
from mxgateway import ClientOptions, MxCommandKind, Session

PARITY, FINDINGS = "docs/parity.md", "docs/findings.md"
CODE = re.compile(r"`([^`]+)`")
TEST = re.compile(r"(?P<file>[\w/]+\.py)::(?P<name>test_\w+)")
NAME = re.compile(r"(?P<path>[A-Za-z_][\w.]*)(?:\((?P<parameters>[a-z0-9_, ]+)\))?")
# Variables that belong to the integration checks; the command line knows the others.
CHECKS = {"MXGATEWAY_INTEGRATION", "MXGATEWAY_TEST_ITEM", "MXGATEWAY_TEST_WRITE_VALUE"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: where it stands and its cells."""

    page: str
    line: int
    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def rows_of(page: str) -> Iterator[Row]:
    """Yield the rows below the heads of a page's tables."""
    below = False
    for number, line in enumerate((ROOT / page).read_text("utf-8").splitlines(), 1):
        if not line.startswith("|"):
            below = False
        elif line.startswith("|---"):
            below = True
        elif below:
            cells = line.strip().strip("|").split(" | ")
            yield Row(page, number, tuple(cell.strip() for cell in cells))


PARITY_ROWS = list(rows_of(PARITY))
ROWS = [*PARITY_ROWS, *rows_of(FINDINGS)]


@cache
def functions_of(file: str) -> frozenset[str]:
    """Return the names of the tests in a file, without importing it."""
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    return frozenset(found)


def resolve(path: str) -> Any:
    """Return what a name of the library stands for: `Session.write`, `sync.GatewayClient`.

    Raises:
        AttributeError: There is nothing of that name.
    """
    found: Any = mxgateway
    for part in path.removeprefix("mxgateway.").split("."):
        if isinstance(found, type) and part in _attributes(found):
            return None
        try:
            found = getattr(found, part)
        except AttributeError:
            if not isinstance(found, ModuleType):
                raise
            try:
                found = import_module(f"{found.__name__}.{part}")
            except ModuleNotFoundError as missing:
                raise AttributeError(f"there is no {path}") from missing
    return found


def _attributes(cls: type) -> set[str]:
    """Return what instances have that the class itself need not have."""
    named = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {})}
    if dataclasses.is_dataclass(cls):
        named |= {field.name for field in dataclasses.fields(cls)}
    return named | {
        node.attr
        for base in cls.__mro__
        if base.__module__.startswith("mxgateway.")
        for node in ast.walk(_tree(base))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


@cache
def _tree(cls: type) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(cls)))


def check_name(text: str) -> None:
    """Check a name in code type, with the parameters that it names."""
    match = NAME.fullmatch(text)
    assert match, f"{text!r} is no name; code type in this column is for names"
    found = resolve(match["path"])
    if match["parameters"]:
        known = set(inspect.signature(found).parameters)
        assert set(re.split(r", *", match["parameters"])) <= known, f"{text}: knows {known}"


def check_command(text: str) -> None:
    """Check that a command and its options exist."""
    app = import_module("mxgateway_cli.app")
    _, command, *options = text.split()
    found = app.group.get_command(None, command)
    assert found is not None, f"there is no command {command}"
    known = {option for parameter in found.params for option in parameter.opts}
    assert set(options) <= known, f"{command} knows {sorted(known)}"


def check_variable(text: str) -> None:
    """Check that a command or the integration checks read a variable."""
    settings = import_module("mxgateway_cli.settings.table").SETTINGS
    assert text in CHECKS | {setting.variable for setting in settings}


@pytest.mark.parametrize("row", PARITY_ROWS, ids=str)
def test_every_name_of_the_parity_page_exists(row: Row) -> None:
    for text in CODE.findall(row.cells[1]):
        if text.startswith("mxgw-py "):
            check_command(text)
        elif text.startswith("MXGATEWAY_"):
            check_variable(text)
        else:
            check_name(text)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_test_that_a_page_names_exists(row: Row) -> None:
    named = list(TEST.finditer(row.cells[-1]))

    for each in named:
        assert each["name"] in functions_of(each["file"]), f"{each[0]} does not exist"
    assert len(named) == row.cells[-1].count("`") // 2
    if row.page == PARITY:
        assert named, "a row of parity is shown by a test"
    else:
        reasons = ("cannot happen:", "not published:")
        assert named or row.cells[2].startswith(reasons), "neither a test nor a reason"


def test_every_row_has_the_cells_of_its_table() -> None:
    assert {len(row.cells) for row in PARITY_ROWS} == {3}
    assert {len(row.cells) for row in ROWS if row.page == FINDINGS} == {4}


def test_the_parity_page_is_complete_where_that_can_be_counted() -> None:
    named = {text for row in PARITY_ROWS for text in CODE.findall(row.cells[1])}
    bare = {text.partition("(")[0] for text in named}

    kinds = {f"MxCommandKind.{kind.name}" for kind in MxCommandKind} - {"MxCommandKind.UNSPECIFIED"}
    assert kinds - bare == set()
    methods = {f"Session.{name}" for name in dir(Session) if not name.startswith("_")}
    ours_alone = {"closed", "client", "events", "reference"}
    assert methods - bare - {f"Session.{name}" for name in ours_alone} == set()
    options = {f"ClientOptions.{field.name}" for field in dataclasses.fields(ClientOptions)}
    tuning = {"stream_window", "connection_window", "max_bulk_items"}
    tuning |= {"keepalive_time", "keepalive_timeout", "keepalive_without_calls"}
    tuning |= {"max_message_elements", "max_expansion", "max_objects", "max_walk_bytes"}
    tuning |= {"max_depth", "max_alarms"}
    assert options - bare - {f"ClientOptions.{name}" for name in tuning} == set()


def test_every_published_finding_of_the_python_client_has_a_row() -> None:
    first = " ".join(row.cells[0] for row in ROWS if row.page == FINDINGS)
    numbers = {int(number) for number in re.findall(r"(?:Python|,|to) ?-(\d{3})", first)}
    for low, high in re.findall(r"-(\d{3}) to -(\d{3})", first):
        numbers |= set(range(int(low), int(high) + 1))

    assert set(range(1, 37)) - numbers == set()


def test_the_bounds_that_the_pages_name_are_those_of_the_code() -> None:
    events = (ROOT / "docs" / "events.md").read_text("utf-8")
    call = re.search(r"`(stream_events\(max_events=.*?\))`", events)
    assert call
    node = ast.parse(call[1], mode="eval").body
    assert isinstance(node, ast.Call)
    parameters = inspect.signature(Session.stream_events).parameters

    for keyword in node.keywords:
        assert keyword.arg
        said = eval(compile(ast.Expression(keyword.value), "events.md", "eval"))
        assert parameters[keyword.arg].default == said, keyword.arg
    assert len(node.keywords) == 3
