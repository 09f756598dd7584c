"""The simulator's alarms: conditions, the engine that evaluates them, and who is told.

Only the conditions are imported here: the plant model is made of them, and everything
else is made for a running plant.
"""

from mxgateway.simulator.alarms.conditions import (
    Condition,
    DeviationAlarm,
    DiscreteAlarm,
    LimitAlarm,
)

__all__ = ["Condition", "DeviationAlarm", "DiscreteAlarm", "LimitAlarm"]
