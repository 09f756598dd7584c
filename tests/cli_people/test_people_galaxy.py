"""`find`, `tree` and `info`: the galaxy for people."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cli_people.people_runs import Outcome

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Outcome]


def references(outcome: Outcome) -> list[str]:
    return sorted(hit["reference"] for hit in outcome.json()["hits"])


def test_find_takes_objects_and_attributes_or_one_of_them(run: Run, sim: ThreadedSimulator) -> None:
    both = references(run("find", "valve_001*", "--json"))
    assert "Valve_001" in both
    assert len(both) == 9
    assert references(run("find", "VALVE_001*", "--objects", "--json")) == ["Valve_001"]
    assert references(run("find", "Valve_001*", "--attributes", "--json")) == both[1:]
    assert references(run("find", "*.Interlocks", "--json"))[0] == "Pump_001.Interlocks[]"
    assert references(run("find", "Pump_00?", "--json")) == [f"Pump_00{n}" for n in range(1, 6)]


def test_find_tells_type_security_and_traits(run: Run, sim: ThreadedSimulator) -> None:
    [hit] = run("find", "Pump_001.Bypass", "--json").json()["hits"]
    assert hit["dataType"] == "Boolean"
    assert hit["securityClassification"] == "VerifiedWrite"
    assert hit["category"] == "Writeable_USC_Lockable"
    assert (hit["isHistorized"], hit["isAlarm"], hit["template"]) == (True, False, "$Pump")
    row = run("find", "Pump_001.Fault").out.splitlines()[1].split()
    assert row == ["Pump_001.Fault", "attribute", "Boolean", "ViewOnly", "alarm,", "history"]


def test_finding_nothing_is_no_failure_and_is_told(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("find", "Nothing*", "--json")
    assert outcome.code == 0
    assert outcome.json()["hits"] == []
    assert "Nothing matches 'Nothing*'" in outcome.err
    assert "try '*Level*'" in run("find", "Level").err
    assert run("find", " ").code == 2


def test_a_find_over_the_whole_galaxy_serves_completion(
    run: Run, spawn: Run, sim: ThreadedSimulator
) -> None:
    assert run("find", "*.Level").code == 0
    variables = {
        "_MXGW_PY_COMPLETE": "bash_complete",
        "COMP_LINE": "mxgw-py read Tank_001.Lev",
    }
    assert "Tank_001.Level" in spawn(**variables).out


def test_a_tree_has_the_levels_that_were_asked_for(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("tree")
    lines = outcome.out.splitlines()
    assert lines[0] == "Plant  $gArea, 5 objects, 3 attributes"
    assert lines[1] == "├─ Intake  $gArea, 3 attributes  +"
    assert lines[-1].startswith("└─ ")
    assert len(lines) == 6
    assert "Below 2 objects marked + there is more" in outcome.err
    assert "Below the object marked + there is more" in run("tree", "--depth", "1").err
    deeper = run("tree", "Plant/Intake", "--depth", "1")
    assert deeper.out.splitlines()[0] == "Intake  $gArea, 6 objects, 3 attributes"
    assert any(line.endswith("+") for line in deeper.out.splitlines())


def test_a_whole_tree_has_every_object_once_and_says_no_more(
    run: Run, sim: ThreadedSimulator
) -> None:
    outcome = run("tree", "--all", "--json")
    assert outcome.err == ""
    rows = outcome.json()["objects"]
    known = sim.call(lambda s: {found.tag_name for found in s.galaxy.galaxy.objects})
    assert {row["tagName"] for row in rows} == known
    assert len(rows) == len(known)
    by_path = {row["path"]: row for row in rows}
    assert by_path["Plant/Intake/Tank_001/InletValve"]["tagName"] == "Valve_001"
    assert by_path["Plant/Intake/Tank_001"]["children"] == 2
    assert by_path["Plant/Intake/Tank_001/InletValve"]["children"] == 0


def test_what_was_not_fetched_is_null_and_not_zero(run: Run, sim: ThreadedSimulator) -> None:
    rows = {row["path"]: row for row in run("tree", "--json").json()["objects"]}
    assert rows["Plant/Intake"]["children"] is None
    assert rows["Plant/Intake"]["hasChildren"] is True
    assert rows["Plant/DemoPlatform"]["children"] == 0


def test_a_tree_begins_at_a_path_or_at_a_tag_name(run: Run, sim: ThreadedSimulator) -> None:
    assert run("tree", "Valve_001", "--attributes").out.splitlines()[0].startswith("InletValve")
    assert run("tree", "plant/intake/tank_001/").code == 0
    outcome = run("tree", "Plant/Nowhere")
    assert outcome.code == 7
    assert "Plant/Nowhere" in outcome.err


def test_attributes_stand_below_their_object(run: Run, sim: ThreadedSimulator) -> None:
    lines = run("tree", "Tank_001", "--attributes", "--depth", "0").out.splitlines()
    assert lines[1].startswith("├─ Tank_001.")
    assert lines[-1].startswith("└─ Tank_001.")
    assert len(lines) == 15
    [row] = run("tree", "Tank_001", "--attributes", "--depth", "0", "--json").json()["objects"]
    assert "Tank_001.Level" in row["attributes"]


@pytest.mark.parametrize(
    ("tag", "needs"),
    [
        ("Pump_001.Cmd", "the Operate permission"),
        ("Pump_001.SpeedSP", "the Tune permission"),
        ("Pump_001.ResetHours", "the Operate permission and a signature: write with --user"),
        ("Pump_001.Bypass", "two different users"),
        ("Pump_001.RatedSpeed", "the Configure permission"),
        ("Pump_001.Speed", "users cannot write it: its category is Calculated"),
    ],
)
def test_info_says_what_a_write_needs(
    run: Run, sim: ThreadedSimulator, tag: str, needs: str
) -> None:
    outcome = run("info", tag)
    assert outcome.code == 0
    [line] = [row for row in outcome.out.splitlines() if row.startswith("For a write")]
    assert needs in line


def test_info_has_value_and_metadata_in_one_document(run: Run, sim: ThreadedSimulator) -> None:
    document = run("info", "pump_001.interlocks", "--json").json()
    assert document["galaxy"]["reference"] == "Pump_001.Interlocks[]"
    assert document["galaxy"]["dataType"] == "Boolean[]"
    assert document["galaxy"]["arrayDimension"] == 8
    assert document["reading"]["value"] == [False] * 8
    assert document["galaxyError"] is None


def test_info_of_a_tag_that_is_not_there_fails_and_says_why(
    run: Run, sim: ThreadedSimulator
) -> None:
    outcome = run("info", "Tank_001.Nope")
    assert outcome.code == 8
    assert "has no such attribute" in outcome.out
    assert "name cannot be resolved" in outcome.out


def test_info_of_an_object_says_where_its_tags_are(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("info", "tank_001")
    assert outcome.code == 8
    assert "an object; `mxgw-py tree Tank_001 --attributes` lists its tags" in outcome.out


def test_info_has_no_age_where_no_person_looks(run: Run, sim: ThreadedSimulator) -> None:
    first, second = (run("info", "Tank_001.Level").out for _ in range(2))
    assert first == second
    assert "Age" not in first
