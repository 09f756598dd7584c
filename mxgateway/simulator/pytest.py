"""Fixtures for pytest: a simulated gateway for each test. docs/testing.md describes them.

Load it with `pytest_plugins = ["mxgateway.simulator.pytest"]` in the top conftest.py, or
with `pytest -p mxgateway.simulator.pytest`. It is no entry point, so that pytest does not
load it where nobody asked. The fixtures are synchronous: they serve
tests on asyncio, on trio, and without a loop, whatever plugin runs those.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from mxgateway.options import ClientOptions
from mxgateway.simulator.model import load_model
from mxgateway.simulator.threaded import ThreadedSimulator

__all__ = ["mxgateway_options", "mxgateway_simulator", "mxgateway_simulator_arguments"]

_NAME = "mxgateway_simulator"  # of the fixture and of the mark
_SEED = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; a plant can be named in the configuration file too."""
    group = parser.getgroup("mxgateway", "simulated MXAccess Gateway")
    group.addoption(
        "--mxgateway-seed",
        type=int,
        metavar="N",
        help=f"Seed of simulated values and ids, {_SEED} by default.",
    )
    group.addoption(
        "--mxgateway-plant", metavar="FILE", help="Plant file in place of the DemoPlant."
    )
    parser.addini("mxgateway_plant", type="string", default="", help="As --mxgateway-plant.")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", f"{_NAME}(**arguments): arguments of the simulator of this test"
    )


@pytest.fixture
def mxgateway_simulator_arguments() -> dict[str, Any]:
    """Arguments of the simulator; override it for a module or a folder."""
    return {}


@pytest.fixture
def mxgateway_simulator(
    request: pytest.FixtureRequest, mxgateway_simulator_arguments: dict[str, Any]
) -> Iterator[ThreadedSimulator]:
    """A simulated gateway that runs for one test, and whose plant moves by `scan()` only.

    What it is made with, the last one wins: seed 1 and no scans of its own, plant and
    seed of the options, `mxgateway_simulator_arguments`, the marks, from the module's
    down to the test's own.
    """
    arguments: dict[str, Any] = {"seed": _SEED, "interval": None}
    arguments |= _from_options(request.config)
    for each in [mxgateway_simulator_arguments, *_marked(request.node)]:
        if each.keys() & {"model", "plant", "galaxy"}:
            arguments.pop("model", None)
        arguments |= each
    with ThreadedSimulator(**arguments) as simulator:
        yield simulator


@pytest.fixture
def mxgateway_options(mxgateway_simulator: ThreadedSimulator) -> ClientOptions:
    """Options of a client of `mxgateway_simulator`, with the key of all scopes.

    `GatewayClient.connect(options=mxgateway_options)`; the other clients take them too.
    """
    simulator = mxgateway_simulator
    return ClientOptions(
        endpoint=simulator.endpoint,
        api_key=simulator.api_key,
        plaintext=simulator.plaintext,
        ca_file=simulator.ca_file,
    )


def _from_options(config: pytest.Config) -> dict[str, Any]:
    # Loaded by a test module, the plugin comes too late for the command line.
    seed = config.getoption("--mxgateway-seed", default=None)
    plant = config.getoption("--mxgateway-plant", default=None)
    found: dict[str, Any] = {} if seed is None else {"seed": seed}
    if plant:
        found["model"] = load_model(config.invocation_params.dir / plant)
    elif named := config.getini("mxgateway_plant"):
        folder = config.rootpath if config.inipath is None else config.inipath.parent
        found["model"] = load_model(folder / named)
    return found


def _marked(node: Any) -> Iterator[dict[str, Any]]:
    for mark in reversed(list(node.iter_markers(_NAME))):
        if mark.args:
            raise pytest.UsageError(f"{node.nodeid}: the mark {_NAME} takes keywords only")
        yield mark.kwargs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what its gateway has seen."""
    report = yield
    simulator = getattr(item, "funcargs", {}).get(_NAME)
    if report.when == "call" and report.failed and isinstance(simulator, ThreadedSimulator):
        report.sections.append(("Simulated gateway", _told(simulator)))
    return report


def _told(simulator: ThreadedSimulator) -> str:
    plant = simulator.plant
    counted = {name: value for name, value in simulator.audit.snapshot().items() if value}
    return "\n".join(
        [
            f"seed {plant.seed}, {plant.scans} scans, {simulator.session_count} open sessions",
            *(f"{name}: {json.dumps(value)}" for name, value in sorted(counted.items())),
        ]
    )
