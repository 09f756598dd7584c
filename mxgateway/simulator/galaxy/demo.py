"""The DemoPlant galaxy of the MXAccess reference, section 11, as data.

30 objects with 309 attributes: 45 with an alarm, 107 historized, 23 arrays.
"""

from __future__ import annotations

import re

from mxgateway.simulator.galaxy.model import AttributeSpec, Galaxy, ObjectSpec

__all__ = ["attributes_of", "demo_galaxy"]

# Letter of a cell -> native data type (MXAccess reference, section 3).
_LETTERS = {
    "B": 1, "I": 2, "F": 3, "D": 4, "S": 5, "T": 6, "E": 7, "R": 8, "Q": 13, "X": 15, "G": 16,
}  # fmt: skip

_CELL = re.compile(
    r"(?P<name>\S+) (?P<type>[A-Z])(?:\[(?P<length>\d+)\])? "
    r"(?P<class>\d+)/(?P<category>\d+)(?: (?P<flags>a?h?))?"
)

# Name, type letter with [length] of an array, security class/attribute category, and
# the flags: a has an alarm, h is historized.
_ATTRIBUTES = {
    "$Pump": """
        Cmd B 1/10 h; Running B 6/2 h; Fault B 6/2 ah; Speed F 6/2 h; SpeedSP F 4/10 h;
        Current F 6/2 ah; Mode I 1/10; ModeText S 6/2; RunHours E 6/3; StartCount I 6/3;
        LastStart T 6/2; Interlocks B[8] 6/2; ResetHours B 2/10; Bypass B 3/10 h;
        RatedSpeed F 5/10""",
    "$Valve": """
        Cmd B 1/10 h; Opened B 6/2; Closed B 6/2; Fault B 6/2 a; Position F 6/2 h;
        TravelTime E 6/2; Mode I 1/10; Cycles I 6/3""",
    "$Tank": """
        Level F 6/2 ah; LevelSP F 4/10 h; Volume D 6/2 h; Temp F 6/2 ah; Capacity D 5/10;
        Product S 1/10; BatchId S 1/10; LastFill T 6/2; Filling B 6/2; Overflow B 6/2 a;
        LevelTrend F[24] 6/2; TransferEnable B 2/10; LevelOverride B 3/10 h; Label X 5/11""",
    "$Reactor": """
        Temp F 6/2 ah; TempSP F 4/10 h; Pressure F 6/2 ah; Level F 6/2 ah; pH F 6/2 ah;
        State Q 6/2 h; StateText S 6/2; Phase I 6/2 h; BatchId S 1/10 h; RecipeName S 1/10;
        RecipeSteps S[12] 5/10; StepTimes E[12] 5/10; Setpoints F[16] 4/10;
        StepFlags B[16] 6/2; PhaseCodes I[16] 6/2; BatchStart T 6/2; Elapsed E 6/2;
        Start B 1/10; Hold B 1/10; Abort B 0/10; ReleaseBatch B 3/10 h; YieldAdjust D 2/10 h;
        Yield D 6/2 h; Notes G 1/10; PressTrip B 6/2 a; Source R 5/10""",
    "$Agitator": """
        Cmd B 1/10 h; Running B 6/2 h; Speed F 6/2 h; SpeedSP F 4/10; Torque F 6/2 ah;
        Fault B 6/2 a; RunHours E 6/3""",
    "$FlowMeter": """
        Flow F 6/2 ah; Total D 6/3 h; ResetTotal B 2/10; Density F 6/2; Status I 6/2;
        Units S 5/10""",
    "$Line": """
        Rate F 6/2 h; RateTarget F 4/10; Produced I 6/3 h; Rejected I 6/3 h; ShiftStart T 6/2;
        ShiftLength E 5/10; Orders S[10] 1/10; OrderQty I[10] 1/10; QualityIndex D 6/2 ah;
        Running B 6/2 h""",
    "$SimProbe": """
        TestBool B 1/10; TestInt I 1/10; TestFloat F 1/10; TestDouble D 1/10;
        TestString S 1/10; TestTime T 1/10; TestElapsed E 1/10; TestBoolArray B[8] 1/10;
        TestIntArray I[8] 1/10; TestStringArray S[10] 1/10; TestAlarm B 1/10 ah;
        Counter I 6/2 h; AlwaysBad F 6/2; NeverUpdates F 6/2; ReadOnly I 6/2; Secured I 2/10;
        Verified I 3/10""",
    "$gWinPlatform": """
        ScanState B 6/2; ScanStateCmd B 4/6; CPULoad F 6/2; CPULoadAvg F 6/2;
        SystemStartupTime T 6/2""",
    "$gAppEngine": """
        ScanState B 6/2; ScanStateCmd B 4/6; Scheduler.ExecutionTimeAvg F 6/2;
        Scheduler.TimeIdleAvg F 6/2; Scheduler.ScanOverrunsConsecCnt I 6/2;
        Engine.ProcessCPULoad F 6/2""",
    "$gOPCClient": "ScanState B 6/2; ScanStateCmd B 4/6; ConnectionStatus I 6/2",
    "$gArea": "ScanState B 6/2; AlarmMode Q 6/2; AlarmModeCmd Q 4/6",
}

# gobject id, tag name, template, parent, host, and the contained name where it has one.
# Areas run on the engine; other objects are hosted by the area they are in.
_OBJECTS = (
    (1, "Plant", "$gArea", 0, 5),
    (2, "Intake", "$gArea", 1, 5),
    (3, "Reaction", "$gArea", 1, 5),
    (4, "DemoPlatform", "$gWinPlatform", 1, 0),
    (5, "DemoEngine_001", "$gAppEngine", 1, 4),
    (6, "DemoOpc_001", "$gOPCClient", 1, 5),
    (10, "Pump_001", "$Pump", 2, 2),
    (11, "Pump_002", "$Pump", 2, 2),
    (12, "Pump_003", "$Pump", 2, 2),
    (20, "Tank_001", "$Tank", 2, 2),
    (21, "Tank_002", "$Tank", 2, 2),
    (22, "Valve_001", "$Tank.InletValve", 20, 2),
    (23, "Valve_002", "$Tank.OutletValve", 20, 2),
    (24, "Valve_003", "$Tank.InletValve", 21, 2),
    (25, "Valve_004", "$Tank.OutletValve", 21, 2),
    (26, "FlowMeter_001", "$FlowMeter", 2, 2),
    (30, "Reactor_001", "$Reactor", 3, 3),
    (31, "Reactor_002", "$Reactor", 3, 3),
    (32, "Agitator_001", "$Reactor.Agitator", 30, 3),
    (33, "Valve_007", "$Reactor.JacketValve", 30, 3),
    (34, "Pump_004", "$Reactor.FeedPump", 30, 3),
    (35, "Agitator_002", "$Reactor.Agitator", 31, 3),
    (36, "Valve_008", "$Reactor.JacketValve", 31, 3),
    (37, "Pump_005", "$Reactor.FeedPump", 31, 3),
    (40, "Tank_003", "$Tank", 3, 3),
    (41, "Valve_005", "$Tank.InletValve", 40, 3),
    (42, "Valve_006", "$Tank.OutletValve", 40, 3),
    (43, "FlowMeter_002", "$FlowMeter", 3, 3),
    (44, "Line_001", "$Line", 3, 3),
    (45, "SimProbe_001", "$SimProbe", 3, 3),
)

_CONTAINED = {
    "$Tank.InletValve": "$Valve",
    "$Tank.OutletValve": "$Valve",
    "$Reactor.Agitator": "$Agitator",
    "$Reactor.JacketValve": "$Valve",
    "$Reactor.FeedPump": "$Pump",
}

_CATEGORIES = {"$gArea": 13, "$gWinPlatform": 1, "$gAppEngine": 3, "$gOPCClient": 11}
_APPLICATION_OBJECT = 10


def attributes_of(template: str) -> tuple[AttributeSpec, ...]:
    """Return the attributes that the template gives its objects.

    Raises:
        KeyError: The plant has no such template.
    """
    cells = _ATTRIBUTES[_CONTAINED.get(template, template)].split(";")
    return tuple(_attribute(" ".join(cell.split())) for cell in cells)


def _attribute(cell: str) -> AttributeSpec:
    match = _CELL.fullmatch(cell)
    assert match is not None, cell
    flags = match["flags"] or ""
    return AttributeSpec(
        match["name"],
        _LETTERS[match["type"]],
        classification=int(match["class"]),
        category=int(match["category"]),
        alarm="a" in flags,
        historized="h" in flags,
        length=int(match["length"]) if match["length"] else None,
    )


def _chain(template: str) -> tuple[str, ...]:
    plain = _CONTAINED.get(template)
    if plain is not None:
        return (template, *_chain(plain))
    if template.startswith("$g"):
        return (template, "$" + template.removeprefix("$g"))
    return (template, "$gUserDefined", "$UserDefined")


def demo_galaxy() -> Galaxy:
    """Return the galaxy."""
    attributes = {row[2]: attributes_of(row[2]) for row in _OBJECTS}
    return Galaxy(
        ObjectSpec(
            id=gobject_id,
            tag_name=tag_name,
            parent=parent,
            category=_CATEGORIES.get(template, _APPLICATION_OBJECT),
            templates=_chain(template),
            attributes=attributes[template],
            contained_name=template.partition(".")[2],
            host=host,
        )
        for gobject_id, tag_name, template, parent, host in _OBJECTS
    )
