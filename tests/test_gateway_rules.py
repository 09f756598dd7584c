"""The list of gateway rules, and the tests that bear their ids."""

from __future__ import annotations

import pytest
from gateway_rules import RULES, found, shown_by

SHOWN = found()


def test_every_rule_that_a_test_shows_is_in_the_list() -> None:
    assert set(SHOWN) - set(RULES) == set()
    places = {place.partition("::")[0] for place in SHOWN["events.one-stream"]}
    assert "both_gateways/test_both_events.py" in places


@pytest.mark.parametrize("rule", RULES)
def test_the_simulator_is_shown_to_obey_every_rule(rule: str) -> None:
    gateways = {gateway for place in SHOWN.get(rule, ()) for gateway in shown_by(place)}

    assert "simulator" in gateways, f"no test of the simulator bears {rule}: {RULES[rule]}"


def test_every_test_that_bears_a_rule_drives_a_gateway() -> None:
    assert [place for places in SHOWN.values() for place in places if not shown_by(place)] == []
