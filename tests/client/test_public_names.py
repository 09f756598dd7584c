"""What `import mxgateway` gives and what it costs."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mxgateway
from mxgateway.client import OptionFields
from mxgateway.errors import __all__ as error_names
from mxgateway.generated.galaxy_repository import v1 as galaxy
from mxgateway.generated.mxaccess_gateway import v1 as gateway


@pytest.mark.parametrize("name", mxgateway.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    assert getattr(mxgateway, name) is not None
    assert name in dir(mxgateway)


def test_no_name_is_listed_twice_and_type_checkers_see_the_same_names() -> None:
    assert len(set(mxgateway.__all__)) == len(mxgateway.__all__)
    tree = ast.parse(Path(mxgateway.__file__).read_text(encoding="utf-8"))
    (guarded,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )
    seen = {
        alias.asname or alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(seen) == set(mxgateway.__all__)
    for name, module in seen.items():
        __import__(str(module))
        assert getattr(sys.modules[str(module)], name) is getattr(mxgateway, name)


def _annotations(cls: type[object]) -> Iterator[str]:
    """Yield the annotations of the public members of a class, as they stand in the source."""
    for name, member in inspect.getmembers_static(cls):
        if not name.startswith("_") or name == "__init__":
            if isinstance(member, property):
                function: object = member.fget
            else:
                function = getattr(member, "__func__", member)
            yield from map(str, getattr(function, "__annotations__", {}).values())
    for name, annotation in getattr(cls, "__annotations__", {}).items():
        if not name.startswith("_"):
            yield str(annotation)


def test_every_message_of_a_public_signature_is_public() -> None:
    messages = {*gateway.__all__, *galaxy.__all__}
    shown = {
        word
        for name in mxgateway.__all__
        if isinstance(cls := getattr(mxgateway, name), type) and cls.__name__ not in messages
        for annotation in _annotations(cls)
        for word in re.findall(r"\w+", annotation)
    }
    assert shown >= {"BulkReadResult", "GalaxyObject"}  # it does see them
    assert shown & messages <= set(mxgateway.__all__)


def test_every_error_class_is_public() -> None:
    missing = {
        name
        for name in error_names
        if isinstance(getattr(mxgateway.errors, name), type)
        and issubclass(getattr(mxgateway.errors, name), mxgateway.MxGatewayError)
    } - set(mxgateway.__all__)
    assert missing == set()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        mxgateway.nothing  # noqa: B018 - the access is the test


def test_connect_takes_every_option() -> None:
    options = {f.name for f in dataclasses.fields(mxgateway.ClientOptions)}
    assert set(OptionFields.__annotations__) == options


def _modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def _heavy(modules: set[str]) -> set[str]:
    names = {"h2", "hpack", "betterproto2", "anyio", "grpclib", "asyncio", "trio", "rich", "click"}
    return modules & names


@pytest.mark.parametrize(
    "statement",
    [
        "import mxgateway",
        "import mxgateway; mxgateway.__version__; dir(mxgateway)",
        "from mxgateway import ClientOptions, MxGatewayError, ConnectError",
    ],
)
def test_importing_the_package_loads_nothing_heavy(statement: str) -> None:
    assert _heavy(_modules_after(statement)) == set()


def test_the_client_itself_loads_neither_rich_nor_click_nor_trio() -> None:
    assert (
        _heavy(_modules_after("from mxgateway import GatewayClient"))
        & {
            "rich",
            "click",
            "trio",
        }
        == set()
    )


def test_a_star_import_gives_the_public_names() -> None:
    modules = _modules_after("from mxgateway import *\nassert GatewayClient and MxEvent")
    assert "mxgateway.client" in modules
