"""The built-in plant (MXAccess reference, section 11)."""

from __future__ import annotations

from functools import cache
from importlib import resources

from mxgateway.simulator.galaxy.model import Galaxy
from mxgateway.simulator.model.derive import galaxy_of
from mxgateway.simulator.model.load import parse_model
from mxgateway.simulator.model.objects import PlantModel

__all__ = ["DEFAULT_ITEM", "demo_galaxy", "demo_model", "demo_text"]

DEFAULT_ITEM = "TestChildObject.TestInt"
"""What examples read."""


def demo_text() -> str:
    """Return the plant file of the DemoPlant."""
    return resources.files(__package__).joinpath("demo.toml").read_text("utf-8")


@cache
def demo_model() -> PlantModel:
    """Return the DemoPlant: 30 objects with 309 attributes, and two objects for tests."""
    return parse_model(demo_text(), "demo.toml")


def demo_galaxy() -> Galaxy:
    """Return the galaxy of the DemoPlant."""
    return galaxy_of(demo_model())
