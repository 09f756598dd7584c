"""A small plant: part of the DemoPlant galaxy of the MXAccess reference, section 11.

Every data type is there as a scalar, and every type that has arrays as an array.
`SimProbe_001` is for tests: it holds what a test wants to write to, and the odd
ones (always bad, never updated, read only, secured, verified).
"""

from __future__ import annotations

from datetime import UTC, datetime

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.plant import Classification, TagSpec
from mxgateway.simulator.signals import (
    Clocked,
    Counter,
    Each,
    Ramp,
    RandomWalk,
    Rotate,
    Sine,
    Steps,
    Toggle,
)

__all__ = ["DEFAULT_ITEM", "demo_plant"]

DEFAULT_ITEM = "TestChildObject.TestInt"

_T = MxDataType
_C = Classification
_START = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
_BAD_COMM_FAILURE = 24
_WAITING_FOR_INITIAL_DATA = 32
_PHASES = ("Idle", "Charging", "Heating", "Reacting", "Cooling", "Discharging")
_RECIPE = ["Charge", "Heat", "React", "Sample", "Cool", "Discharge", "", "", "", "", "", ""]


def demo_plant() -> list[TagSpec]:
    """Return the attributes of the built-in plant."""
    return [*_pump("Pump_001"), *_tank("Tank_001"), *_reactor("Reactor_001"), *_line(), *_probe()]


def _shown(reference: str, data_type: MxDataType, value: object, **more: object) -> TagSpec:
    """An attribute that only the object itself sets: view only, calculated."""
    return TagSpec(reference, data_type, value, _C.VIEW_ONLY, 2, **more)  # type: ignore[arg-type]


def _pump(name: str) -> list[TagSpec]:
    return [
        TagSpec(f"{name}.Cmd", _T.BOOLEAN, True),
        _shown(f"{name}.Running", _T.BOOLEAN, True),
        _shown(f"{name}.Fault", _T.BOOLEAN, False, signal=Toggle(45)),
        _shown(f"{name}.Speed", _T.FLOAT, 1450.0, signal=Sine(1450.0, 25.0, 30, noise=2.0)),
        TagSpec(f"{name}.SpeedSP", _T.FLOAT, 1450.0, _C.TUNE),
        _shown(f"{name}.Current", _T.FLOAT, 12.5, signal=Sine(12.5, 0.8, 30, noise=0.1)),
        TagSpec(f"{name}.Mode", _T.INTEGER, 1),
        _shown(f"{name}.ModeText", _T.STRING, "Auto", signal=Steps(("Auto", "Manual"), 20)),
        _shown(f"{name}.RunHours", _T.ELAPSED_TIME, 3600.0, signal=Ramp(0.0, 1e9, 1.0)),
        _shown(f"{name}.StartCount", _T.INTEGER, 17),
        _shown(f"{name}.LastStart", _T.TIME, _START, signal=Clocked(30)),
        _shown(f"{name}.Interlocks", _T.BOOLEAN, [True] + [False] * 7, signal=Rotate(5)),
        TagSpec(f"{name}.ResetHours", _T.BOOLEAN, False, _C.SECURED_WRITE),
        TagSpec(f"{name}.Bypass", _T.BOOLEAN, False, _C.VERIFIED_WRITE),
        TagSpec(f"{name}.RatedSpeed", _T.FLOAT, 1500.0, _C.CONFIGURE),
    ]


def _tank(name: str) -> list[TagSpec]:
    return [
        _shown(f"{name}.Level", _T.FLOAT, 40.0, signal=Ramp(20.0, 96.0, 0.5)),
        TagSpec(f"{name}.LevelSP", _T.FLOAT, 75.0, _C.TUNE),
        _shown(f"{name}.Volume", _T.DOUBLE, 8000.0, signal=Ramp(4000.0, 19_200.0, 100.0)),
        _shown(f"{name}.Temp", _T.FLOAT, 21.5, signal=RandomWalk(15.0, 95.0, 0.3)),
        TagSpec(f"{name}.Capacity", _T.DOUBLE, 20_000.0, _C.CONFIGURE),
        TagSpec(f"{name}.Product", _T.STRING, "Water"),
        _shown(f"{name}.LevelTrend", _T.FLOAT, [40.0] * 24, signal=Each(RandomWalk(0, 100, 1), 10)),
        TagSpec(f"{name}.Label", _T.INTERNATIONALIZED_STRING, "Behälter 1", _C.CONFIGURE, 11),
    ]


def _reactor(name: str) -> list[TagSpec]:
    return [
        _shown(f"{name}.Temp", _T.FLOAT, 60.0, signal=Sine(60.0, 30.0, 120, noise=0.2)),
        TagSpec(f"{name}.TempSP", _T.FLOAT, 60.0, _C.TUNE),
        _shown(f"{name}.Pressure", _T.FLOAT, 3.0, signal=Sine(3.0, 1.2, 120, noise=0.02)),
        _shown(f"{name}.pH", _T.FLOAT, 7.0, signal=RandomWalk(5.5, 8.5, 0.05)),
        _shown(f"{name}.State", _T.QUALIFIED_ENUM, "Idle", signal=Steps(_PHASES, 20)),
        _shown(f"{name}.Phase", _T.INTEGER, 0, signal=Steps(range(len(_PHASES)), 20)),
        TagSpec(f"{name}.RecipeSteps", _T.STRING, list(_RECIPE), _C.CONFIGURE),
        TagSpec(f"{name}.StepTimes", _T.ELAPSED_TIME, [60.0] * 12, _C.CONFIGURE),
        TagSpec(f"{name}.Setpoints", _T.FLOAT, [60.0] * 16, _C.TUNE),
        _shown(f"{name}.Yield", _T.DOUBLE, 0.93, signal=RandomWalk(0.80, 0.99, 0.002)),
        TagSpec(f"{name}.Notes", _T.BIG_STRING, "No remarks."),
        TagSpec(f"{name}.Abort", _T.BOOLEAN, False, _C.FREE_ACCESS),
        TagSpec(f"{name}.Source", _T.REFERENCE_TYPE, "Tank_001", _C.CONFIGURE),
    ]


def _line() -> list[TagSpec]:
    return [
        _shown("Line_001.Produced", _T.INTEGER, 0, signal=Counter(3)),
        TagSpec("Line_001.OrderQty", _T.INTEGER, [100] * 10),
        TagSpec("Line_001.ShiftLength", _T.ELAPSED_TIME, 28_800.0, _C.CONFIGURE),
        TagSpec(DEFAULT_ITEM, _T.INTEGER, 0, signal=Counter()),
    ]


def _probe() -> list[TagSpec]:
    name = "SimProbe_001"
    hours = [_START.replace(hour=hour) for hour in range(8)]
    return [
        TagSpec(f"{name}.TestBool", _T.BOOLEAN, False),
        TagSpec(f"{name}.TestInt", _T.INTEGER, 0),
        TagSpec(f"{name}.TestFloat", _T.FLOAT, 0.0),
        TagSpec(f"{name}.TestDouble", _T.DOUBLE, 0.0),
        TagSpec(f"{name}.TestString", _T.STRING, ""),
        TagSpec(f"{name}.TestTime", _T.TIME, _START),
        TagSpec(f"{name}.TestElapsed", _T.ELAPSED_TIME, 0.0),
        TagSpec(f"{name}.TestReference", _T.REFERENCE_TYPE, "Plant"),
        TagSpec(f"{name}.TestEnum", _T.QUALIFIED_ENUM, "Idle"),
        TagSpec(f"{name}.TestStruct", _T.QUALIFIED_STRUCT, b"\x01\x02\x03"),
        TagSpec(f"{name}.TestLabel", _T.INTERNATIONALIZED_STRING, "Sonde"),
        TagSpec(f"{name}.TestBigString", _T.BIG_STRING, "<udas/>"),
        TagSpec(f"{name}.TestStatus", _T.STATUS_TYPE, 0),
        TagSpec(f"{name}.TestDataType", _T.ENUM, 2),
        TagSpec(f"{name}.TestClassification", _T.SECURITY_CLASSIFICATION_ENUM, 1),
        TagSpec(f"{name}.TestQuality", _T.DATA_QUALITY_TYPE, 192),
        TagSpec(f"{name}.TestBoolArray", _T.BOOLEAN, [False] * 8),
        TagSpec(f"{name}.TestIntArray", _T.INTEGER, list(range(8))),
        TagSpec(f"{name}.TestFloatArray", _T.FLOAT, [0.5] * 8),
        TagSpec(f"{name}.TestDoubleArray", _T.DOUBLE, [0.25] * 8),
        TagSpec(f"{name}.TestStringArray", _T.STRING, [f"text {n}" for n in range(10)]),
        TagSpec(f"{name}.TestTimeArray", _T.TIME, hours),
        TagSpec(f"{name}.TestElapsedArray", _T.ELAPSED_TIME, [1.5] * 8),
        TagSpec(f"{name}.TestReferenceArray", _T.REFERENCE_TYPE, ["Plant", "Intake", "Reaction"]),
        TagSpec(f"{name}.TestLabelArray", _T.INTERNATIONALIZED_STRING, ["eins", "zwei"]),
        TagSpec(f"{name}.TestAlarm", _T.BOOLEAN, False),
        _shown(f"{name}.Counter", _T.INTEGER, 0, signal=Counter()),
        _shown(f"{name}.AlwaysBad", _T.FLOAT, 0.0, quality=_BAD_COMM_FAILURE),
        _shown(f"{name}.NeverUpdates", _T.FLOAT, None, quality=_WAITING_FOR_INITIAL_DATA),
        _shown(f"{name}.ReadOnly", _T.INTEGER, 42),
        TagSpec(f"{name}.Secured", _T.INTEGER, 0, _C.SECURED_WRITE),
        TagSpec(f"{name}.Verified", _T.INTEGER, 0, _C.VERIFIED_WRITE),
    ]
