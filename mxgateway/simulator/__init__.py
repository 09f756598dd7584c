"""An embedded gateway with a small plant: to try, test and demonstrate against.

`Simulator` runs on asyncio, `ThreadedSimulator` in a thread of its own for trio
and synchronous callers. No runtime module of the library imports this package.
"""

from __future__ import annotations

from mxgateway.simulator.alarms import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.audit import Audit, CommandRecord, WriteRecord
from mxgateway.simulator.clock import ManualClock, seeded_ids, system_clock
from mxgateway.simulator.control import ControlClient
from mxgateway.simulator.faults import Fault, Faults
from mxgateway.simulator.galaxy import AttributeSpec, Galaxy, GalaxyRepository, ObjectSpec
from mxgateway.simulator.gateway import Settings
from mxgateway.simulator.keys import ALL_SCOPES, DEMO_KEY, READ_ONLY_KEY, READ_SCOPES, ApiKey
from mxgateway.simulator.model import (
    DEFAULT_ITEM,
    LoadProfile,
    ModelAttribute,
    ModelObject,
    ModelTemplate,
    PlantModel,
    demo_galaxy,
    demo_model,
    dump_model,
    galaxy_of,
    load_model,
    parse_model,
    scale_galaxy,
    scale_model,
)
from mxgateway.simulator.plant import Classification, Plant, Tag, TagSpec
from mxgateway.simulator.proxy import FaultProxy, ThreadedFaultProxy
from mxgateway.simulator.server import TlsFiles
from mxgateway.simulator.simulator import Simulator
from mxgateway.simulator.threaded import ThreadedSimulator
from mxgateway.simulator.users import DEMO_USERS, GalaxyUser

__all__ = [
    "ALL_SCOPES",
    "DEFAULT_ITEM",
    "DEMO_KEY",
    "DEMO_USERS",
    "READ_ONLY_KEY",
    "READ_SCOPES",
    "ApiKey",
    "AttributeSpec",
    "Audit",
    "Classification",
    "CommandRecord",
    "ControlClient",
    "DeviationAlarm",
    "DiscreteAlarm",
    "Fault",
    "FaultProxy",
    "Faults",
    "Galaxy",
    "GalaxyRepository",
    "GalaxyUser",
    "LimitAlarm",
    "LoadProfile",
    "ManualClock",
    "ModelAttribute",
    "ModelObject",
    "ModelTemplate",
    "ObjectSpec",
    "Plant",
    "PlantModel",
    "Settings",
    "Simulator",
    "Tag",
    "TagSpec",
    "ThreadedFaultProxy",
    "ThreadedSimulator",
    "TlsFiles",
    "WriteRecord",
    "demo_galaxy",
    "demo_model",
    "dump_model",
    "galaxy_of",
    "load_model",
    "parse_model",
    "scale_galaxy",
    "scale_model",
    "seeded_ids",
    "system_clock",
]
