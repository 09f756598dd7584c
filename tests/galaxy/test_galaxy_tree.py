"""HierarchyTree: contained paths, orphans, and search by tag pattern."""

from __future__ import annotations

import fnmatch
import random
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import (
    ConfigurationError,
    GalaxyAttribute,
    GalaxyObject,
    HierarchyNode,
    HierarchyTree,
    LimitError,
    TagHit,
)
from mxgateway.simulator import demo_galaxy, scale_galaxy


def _demo() -> list[GalaxyObject]:
    return [spec.message() for spec in demo_galaxy().objects]


def _object(gobject_id: int, parent: int = 0, name: str = "", area: bool = False) -> GalaxyObject:
    tag = name or f"T_{gobject_id}"
    return GalaxyObject(gobject_id=gobject_id, tag_name=tag, parent_gobject_id=parent, is_area=area)


def test_objects_are_found_by_contained_path_id_and_tag_name() -> None:
    tree = HierarchyTree(_demo())
    assert len(tree) == 32
    valve = tree["Plant/Intake/Tank_001/InletValve"]
    assert valve.object.tag_name == "Valve_001"
    assert valve is tree["plant.intake.TANK_001.inletvalve"]
    assert valve is tree.get("/Plant/Intake/Tank_001/InletValve/")
    assert valve is tree.by_id(22)
    assert valve is tree.by_tag("valve_001")
    assert valve.parent is tree["Plant/Intake/Tank_001"]
    assert (valve.name, valve.path) == ("InletValve", "Plant/Intake/Tank_001/InletValve")
    assert "Plant/Intake" in tree
    assert "Plant/Valve_001" not in tree
    assert 22 not in tree
    assert tree.get("Nowhere") is tree.by_id(4711) is tree.by_tag("x") is None
    with pytest.raises(KeyError, match="Nowhere"):
        tree["Nowhere"]


def test_children_stand_areas_first_and_then_by_name_whatever_the_order_they_came_in() -> None:
    objects = _demo()
    expected = [node.path for node in HierarchyTree(objects)]
    assert expected[:3] == ["Plant", "Plant/Intake", "Plant/Intake/FlowMeter_001"]
    plant = HierarchyTree(objects)["Plant"]
    assert [child.name for child in plant.children] == [
        "Intake", "Reaction", "DemoEngine_001", "DemoOpc_001", "DemoPlatform",
    ]  # fmt: skip
    for seed in range(5):
        shuffled = objects[:]
        random.Random(seed).shuffle(shuffled)
        assert [node.path for node in HierarchyTree(shuffled)] == expected


def test_an_object_whose_parent_is_missing_is_kept_as_an_orphan() -> None:
    tree = HierarchyTree([_object(5, parent=99), _object(6, parent=5), _object(1)])
    assert [node.object.gobject_id for node in tree.roots] == [1]
    assert [node.object.gobject_id for node in tree.orphans] == [5]
    assert tree["T_5/T_6"].object.gobject_id == 6
    assert tree["T_5"].is_orphan
    assert not tree["T_5/T_6"].is_orphan
    assert [node.path for node in tree.walk()] == ["T_1", "T_5", "T_5/T_6"]


def test_the_root_of_a_partial_discovery_is_the_top_of_the_tree() -> None:
    part = [spec for spec in _demo() if spec.gobject_id in {30, 32, 33, 34}]
    tree = HierarchyTree(part)
    (top,) = tree.orphans
    assert top.path == "Reactor_001"
    assert "Reactor_001/FeedPump" in tree


@pytest.mark.parametrize("parents", [{1: 1}, {1: 2, 2: 1}, {1: 2, 2: 3, 3: 2, 4: 1}])
def test_objects_that_contain_each_other_stay_visible(parents: dict[int, int]) -> None:
    tree = HierarchyTree(_object(child, parent) for child, parent in parents.items())
    assert sorted(node.object.gobject_id for node in tree.walk()) == sorted(parents)
    assert len(tree.orphans) == 1
    assert tree.orphans[0].parent is None
    assert tree.roots == ()


def test_an_object_that_comes_twice_counts_as_it_came_last() -> None:
    tree = HierarchyTree([_object(1, name="Old"), _object(2, parent=1), _object(1, name="New")])
    assert len(tree) == 2
    assert "New/T_2" in tree
    assert "Old" not in tree


def test_siblings_of_one_name_both_stay_and_the_path_finds_the_first() -> None:
    tree = HierarchyTree([_object(7, name="Same"), _object(3, name="same")])
    assert len(tree.roots) == 2
    assert tree["Same"].object.gobject_id == 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 14)), max_size=20))
def test_no_object_is_ever_lost(pairs: list[tuple[int, int]]) -> None:
    tree = HierarchyTree(_object(child, parent) for child, parent in pairs)
    walked = [node.object.gobject_id for node in tree.walk()]
    assert sorted(walked) == sorted({child for child, _ in pairs})
    for node in tree.walk():
        assert tree.by_id(node.object.gobject_id) is node
        assert node.parent is None or node in node.parent.children
        above = "" if node.parent is None else f"{node.parent.path}/"
        assert node.path == above + node.name


# -- search -----------------------------------------------------------------------------------


def _references(hits: list[TagHit]) -> list[str]:
    return [hit.reference for hit in hits]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tank_001.level", ["Tank_001.Level"]),
        ("Tank_00?.LevelSP", [f"Tank_00{n}.LevelSP" for n in (1, 2, 3)]),
        ("*.levelt*", [f"Tank_00{n}.LevelTrend[]" for n in (1, 2, 3)]),
        ("Tank_001.LevelTrend", ["Tank_001.LevelTrend[]"]),
        ("Tank_001.LevelTrend[]", ["Tank_001.LevelTrend[]"]),
        ("Tank_001.Level[]", []),
        ("FlowMeter_00[12]", []),
        ("FlowMeter_*", ["FlowMeter_001", "FlowMeter_002"]),
        ("valve_00", []),
        ("Tank_001", ["Tank_001"]),
    ],
)
def test_a_pattern_finds_whole_tags_ignoring_case(pattern: str, expected: list[str]) -> None:
    hits = HierarchyTree(_demo()).find(pattern)
    found = _references(hits)
    if pattern.startswith("FlowMeter_*"):
        found = _references(HierarchyTree(_demo()).find(pattern, attributes=False))
        assert len(hits) == 2 + 12
    assert found == expected


def test_hits_carry_the_object_and_the_attribute() -> None:
    tree = HierarchyTree(_demo())
    (hit,) = tree.find("reactor_001.ph")
    assert hit.reference == "Reactor_001.pH"
    assert hit.object.gobject_id == 30
    assert hit.attribute is not None
    assert hit.attribute.is_alarm
    (whole,) = tree.find("Reactor_001", attributes=False)
    assert whole == TagHit("Reactor_001", hit.object, None)
    assert tree.find("Reactor_001", objects=False) == []
    assert len(tree.find("*", objects=False)) == 325
    assert len(tree.find("*")) == 325 + 32


def test_a_tree_says_what_it_holds() -> None:
    plant, lost = GalaxyObject(gobject_id=1), GalaxyObject(gobject_id=7, parent_gobject_id=9)
    assert repr(HierarchyTree([plant])) == "<HierarchyTree 1 objects, 1 roots>"
    assert repr(HierarchyTree([plant, lost])) == "<HierarchyTree 2 objects, 1 roots, 1 orphans>"


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pattern"):
        HierarchyTree([]).find("")


@settings(deadline=None, max_examples=200)
@given(
    st.text("ab.*?", min_size=1, max_size=8),
    st.lists(st.text("abAB.", min_size=1, max_size=8), max_size=10),
)
def test_patterns_match_as_shell_patterns_do(pattern: str, names: list[str]) -> None:
    attributes = [GalaxyAttribute(full_tag_reference=name) for name in names]
    tree = HierarchyTree([GalaxyObject(gobject_id=1, attributes=attributes)])
    expected = [name for name in names if fnmatch.fnmatchcase(name.lower(), pattern.lower())]
    assert _references(tree.find(pattern, objects=False)) == expected


def test_a_hostile_pattern_does_not_take_for_ever() -> None:
    attributes = [GalaxyAttribute(full_tag_reference="a" * 300) for _ in range(50)]
    tree = HierarchyTree([GalaxyObject(gobject_id=1, attributes=attributes)])
    assert tree.find("*a" * 40 + "b") == []


def test_a_large_hierarchy_is_searched_whole() -> None:
    tree = HierarchyTree(spec.message() for spec in scale_galaxy(2000, 20).objects)
    assert len(tree.find("*.attr_007")) == 2000
    assert sorted(_references(tree.find("device_00150?", attributes=False))) == [
        f"Device_00150{n}" for n in range(10)
    ]


NAMES = st.text("aA/.", max_size=3)


@st.composite
def small_trees(draw: st.DrawFn) -> list[GalaxyObject]:
    count = draw(st.integers(1, 9))
    return [
        GalaxyObject(
            gobject_id=n,
            tag_name=draw(NAMES),
            browse_name=draw(NAMES),
            parent_gobject_id=draw(st.integers(0, count + 1)),
            is_area=draw(st.booleans()),
        )
        for n in range(1, count + 1)
    ]


@given(objects=small_trees(), others=st.lists(st.text("aA/.", max_size=9), max_size=5))
@settings(deadline=None, max_examples=100)
def test_a_path_leads_to_the_first_node_in_walking_order_that_has_it(
    objects: list[GalaxyObject], others: list[str]
) -> None:
    tree = HierarchyTree(objects)
    known: dict[str, HierarchyNode] = {}
    for node in tree:
        known.setdefault(node.path.lower(), node)

    def expected(path: str) -> HierarchyNode | None:
        lower = path.strip("/").lower()
        return known.get(lower) or known.get(lower.replace(".", "/"))

    for path in [*known, *(node.path for node in tree), *others]:
        assert tree.get(path) is expected(path)


def _chain(length: int) -> list[GalaxyObject]:
    return [_object(n, n - 1, f"O{n}") for n in range(1, length + 1)]


def test_objects_deeper_than_the_limit_are_refused_by_its_name() -> None:
    tree = HierarchyTree(_chain(100))
    assert tree["/".join(f"O{n}" for n in range(1, 101))].object.gobject_id == 100
    with pytest.raises(LimitError, match="level 101") as caught:
        HierarchyTree(_chain(101))
    assert (caught.value.option, caught.value.limit) == ("max_depth", 100)
    deep = HierarchyTree(_chain(5000), max_depth=5000)
    node = deep.by_id(5000)
    assert node is not None
    assert deep[node.path] is node
    with pytest.raises(LimitError):
        HierarchyTree(_chain(3), max_depth=2)


@pytest.mark.parametrize("shape", ["chain", "ring", "rings", "wide circle", "orphans"])
def test_hostile_hierarchies_take_memory_as_their_length(shape: str) -> None:
    count = 20_000
    parents: dict[str, Callable[[int], int]] = {
        "chain": lambda n: n - 1,
        "ring": lambda n: n - 1 or count,
        "rings": lambda n: n + 1 if n % 2 else n - 1,
        "wide circle": lambda n: 2 if n == 1 else 1,
        "orphans": lambda n: n + count,
    }
    objects = [_object(n, parents[shape](n)) for n in range(1, count + 1)]
    tracemalloc.start()
    try:
        tree = HierarchyTree(objects)
        assert len(tree) == len(list(tree)) == count
    except LimitError:
        assert shape in ("chain", "ring")
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1000 * count
