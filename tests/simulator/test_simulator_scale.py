"""Large plants: little memory, and changes spread evenly over the time of a scan."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import datetime
from typing import Any

import anyio
import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.simulator import LoadProfile, ManualClock, Simulator, Tag, scale_galaxy, scale_model


def test_a_plant_of_400_000_attributes_takes_memory_for_what_is_used() -> None:
    tracemalloc.start()
    try:
        sim = Simulator(model=scale_model(20_000, 20), interval=None, seed=1)
        assert len(sim.plant) == sim.galaxy.galaxy.attribute_count == 400_000
        assert sim.plant.used == []
        for number in range(1000, 2000):
            assert sim.plant[f"Device_{number:06}.Attr_001"].quality == 192
        for _ in range(10):
            sim.plant.scan()
        assert len(sim.plant.used) == 1000
        current, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current < 60e6
    assert peak < 100e6


def test_the_plant_and_its_galaxy_have_the_size_that_was_asked_for() -> None:
    sim = Simulator(model=scale_model(250, 7), interval=None, seed=1)
    assert sim.galaxy.galaxy == scale_galaxy(250, 7)
    assert {tag.reference for tag in sim.plant} == {
        a.message(o.tag_name).full_tag_reference
        for o in sim.galaxy.galaxy.objects
        for a in o.attributes
    }


def test_attributes_used_in_another_order_move_alike() -> None:
    names = [f"Device_{n:06}.Attr_{a:03}" for n in range(50, 60) for a in (1, 4, 5, 6, 8)]
    courses = []
    for order in (names, names[::-1]):
        sim = Simulator(model=scale_model(100), interval=None, seed=1, clock=ManualClock())
        told: list[Any] = []

        def tell(tag: Tag, _now: datetime, told: list[Any] = told) -> None:
            told.append((tag.reference, tag.value))

        sim.plant.on_change = tell
        for name in order:
            sim.plant[name].listeners["someone"] = None
        for _ in range(40):
            sim.plant.scan()
        courses.append(told)
    assert courses[0] == courses[1]
    assert len(courses[0]) > 800


@pytest.mark.parametrize(
    ("tags", "changes", "interval", "parts"),
    [(10_000, 20_000, 0.5, 10), (1000, 500, 2.0, 40), (10, 1000, 0.01, 1), (3, 0.1, 30.0, 3)],
)
def test_a_load_profile_spreads_its_changes_over_the_scan(
    tags: int, changes: float, interval: float, parts: int
) -> None:
    profile = LoadProfile(tags, changes)
    assert (profile.interval, profile.parts) == (interval, parts)
    sim = Simulator(**{**profile.arguments, "interval": None}, seed=1)
    assert len(profile.references) == len(set(profile.references)) == tags
    changed: Counter[str] = Counter()
    sim.plant.on_change = lambda tag, _now: changed.update([tag.reference])
    for reference in profile.references:
        sim.plant[reference].listeners["someone"] = None
    counts = [sim.plant.scan(part, parts) for _ in range(2) for part in range(parts)]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == 2 * tags
    assert set(changed.values()) == {2}


async def test_a_load_profile_runs_by_itself(connect: Any) -> None:
    async with Simulator(**LoadProfile(40, 800, pause=0.01).arguments) as sim:
        user = await connect(sim)
        handles = [await user.advised(f"Device_{2:06}.Attr_{n:03}") for n in range(1, 21)]
        async with user.events() as stream:
            with anyio.fail_after(20):
                seen: set[int] = set()
                while seen != set(handles):
                    seen.add((await stream.next()).item_handle)
        user.channel.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda: LoadProfile(0, 1),
        lambda: LoadProfile(1, 0),
        lambda: scale_model(0),
        lambda: Simulator(scan_parts=0),
    ],
)
def test_sizes_that_make_no_plant_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()
