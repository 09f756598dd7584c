"""A small plant file with a bit of everything."""

from __future__ import annotations

from mxgateway.simulator import (
    ManualClock,
    Plant,
    PlantModel,
)
from mxgateway.simulator.model import ModelSource

SMALL = """\
[plant]
name = "Small"

[templates."$Pump"]

[templates."$Pump".attributes]
Cmd = { type = "Boolean", value = true }
Speed = { type = "Float", class = "ViewOnly", category = "Calculated", historized = true }
Interlocks = { type = "Boolean", length = 3 }

[templates."$Pump".attributes.Current]
type = "Float"
value = 12.5
units = "A"
signal = { kind = "follow", source = "Me.Speed", gain = 0.01 }
alarm = [
    { kind = "limit", Hi = [13.5, 650], HiHi = [15, 50], deadband = 0.2 },
    { kind = "deviation", setpoint = "Me.Speed", minor = [5.0, 700] },
]

[templates."$Tank"]

[templates."$Tank".attributes]
Level = { type = "Double" }

[templates."$Tank.Pump"]
derived_from = "$Pump"

[objects.Site]
template = "$Area"

[objects.T1]
template = "$Tank"
area = "Site"
description = "Raw water"

[objects.P1]
template = "$Tank.Pump"
container = "T1"
contained_name = "Feed"

[objects.P1.attributes.Speed]
value = 1450
signal = { kind = "sine", middle = 1450, amplitude = 20, period = 30 }
"""


def running(model: PlantModel) -> Plant:
    return Plant(ModelSource(model), clock=ManualClock(), seed=1)
