"""The simulator's Galaxy Repository: what is deployed, browsed and watched."""

from mxgateway.simulator.galaxy.demo import demo_galaxy
from mxgateway.simulator.galaxy.model import AREA, AttributeSpec, Galaxy, ObjectSpec
from mxgateway.simulator.galaxy.repository import GalaxyRepository
from mxgateway.simulator.galaxy.scale import scale_galaxy

__all__ = [
    "AREA",
    "AttributeSpec",
    "Galaxy",
    "GalaxyRepository",
    "ObjectSpec",
    "demo_galaxy",
    "scale_galaxy",
]
