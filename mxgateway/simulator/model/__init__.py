"""One description of a plant: running attributes, galaxy and alarms are derived from it.

`load_model` reads it from a plant file (docs/plant-file.md), `demo_model` is the
built-in plant, `scale_model` makes one of any size.
"""

from mxgateway.simulator.model.demo import DEFAULT_ITEM, demo_galaxy, demo_model
from mxgateway.simulator.model.deploy import Deployer
from mxgateway.simulator.model.derive import ModelSource, galaxy_of
from mxgateway.simulator.model.dump import dump_model
from mxgateway.simulator.model.entries import ModelAttribute, ModelObject, ModelTemplate
from mxgateway.simulator.model.load import load_model, parse_model
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.model.scale import LoadProfile, scale_galaxy, scale_model

__all__ = [
    "DEFAULT_ITEM",
    "Deployer",
    "LoadProfile",
    "ModelAttribute",
    "ModelObject",
    "ModelSource",
    "ModelTemplate",
    "PlantModel",
    "demo_galaxy",
    "demo_model",
    "dump_model",
    "galaxy_of",
    "load_model",
    "parse_model",
    "scale_galaxy",
    "scale_model",
]
