"""An embedded gateway with a small plant: to try, test and demonstrate against.

`Simulator` runs on asyncio, `ThreadedSimulator` in a thread of its own for trio
and synchronous callers. No runtime module of the library imports this package.
"""

from __future__ import annotations

from mxgateway.simulator.audit import Audit, WriteRecord
from mxgateway.simulator.clock import ManualClock, seeded_ids, system_clock
from mxgateway.simulator.demo_plant import DEFAULT_ITEM, demo_plant
from mxgateway.simulator.galaxy import (
    AttributeSpec,
    Galaxy,
    GalaxyRepository,
    ObjectSpec,
    demo_galaxy,
    scale_galaxy,
)
from mxgateway.simulator.gateway import Settings
from mxgateway.simulator.keys import ALL_SCOPES, DEMO_KEY, READ_ONLY_KEY, READ_SCOPES, ApiKey
from mxgateway.simulator.plant import Classification, Plant, Tag, TagSpec
from mxgateway.simulator.server import TlsFiles
from mxgateway.simulator.simulator import Simulator
from mxgateway.simulator.threaded import ThreadedSimulator

__all__ = [
    "ALL_SCOPES",
    "DEFAULT_ITEM",
    "DEMO_KEY",
    "READ_ONLY_KEY",
    "READ_SCOPES",
    "ApiKey",
    "AttributeSpec",
    "Audit",
    "Classification",
    "Galaxy",
    "GalaxyRepository",
    "ManualClock",
    "ObjectSpec",
    "Plant",
    "Settings",
    "Simulator",
    "Tag",
    "TagSpec",
    "ThreadedSimulator",
    "TlsFiles",
    "WriteRecord",
    "demo_galaxy",
    "demo_plant",
    "scale_galaxy",
    "seeded_ids",
    "system_clock",
]
