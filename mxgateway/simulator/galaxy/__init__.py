"""The simulator's Galaxy Repository: what is deployed, browsed and watched."""

from mxgateway.simulator.galaxy.model import AREA, AttributeSpec, Galaxy, ObjectSpec
from mxgateway.simulator.galaxy.repository import GalaxyRepository

__all__ = ["AREA", "AttributeSpec", "Galaxy", "GalaxyRepository", "ObjectSpec"]
