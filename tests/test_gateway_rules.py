"""The list of gateway rules, and the tests that bear their ids."""

from __future__ import annotations

from gateway_rules import RULES, found


def test_every_rule_that_a_test_shows_is_in_the_list() -> None:
    shown = found()

    assert set(shown) - set(RULES) == set()
    places = {place.partition("::")[0] for place in shown["events.one-stream"]}
    assert "both_gateways/test_both_events.py" in places
