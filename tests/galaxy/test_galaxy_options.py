"""The filters of discovering and browsing, checked where they are made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mxgateway import BrowseOptions, ConfigurationError, DiscoverHierarchyOptions
from mxgateway.codec import decode, encode

_BOTH = [DiscoverHierarchyOptions, BrowseOptions]


@pytest.mark.parametrize("cls", _BOTH)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("category_ids", 13),
        ("category_ids", "13"),
        ("category_ids", ["13"]),
        ("category_ids", [True]),
        ("category_ids", [1 << 31]),
        ("template_chain_contains", "$Pump"),
        ("template_chain_contains", [1]),
        ("template_chain_contains", [""]),
        ("tag_name_glob", None),
        ("include_attributes", 1),
        ("alarm_bearing_only", None),
        ("historized_only", "yes"),
        ("page_size", 0),
        ("page_size", -1),
        ("page_size", 1.5),
        ("page_size", True),
        ("page_size", 1 << 31),
    ],
)
def test_a_wrong_filter_is_refused_by_its_name(cls: Any, field: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=field):
        cls(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_depth", -1),
        ("max_depth", "0"),
        ("root_gobject_id", "1"),
        ("root_gobject_id", 1 << 40),
        ("root_tag_name", ""),
        ("root_tag_name", 5),
        ("root_contained_path", ""),
    ],
)
def test_a_wrong_root_or_depth_is_refused_by_its_name(field: str, value: object) -> None:
    fields: dict[str, Any] = {field: value}
    with pytest.raises(ConfigurationError, match=field):
        DiscoverHierarchyOptions(**fields)
    if field != "max_depth":
        fields = {field.replace("root", "parent"): value}
        with pytest.raises(ConfigurationError, match="parent_"):
            BrowseOptions(**fields)


def test_only_one_root_and_one_parent_may_be_given() -> None:
    with pytest.raises(ConfigurationError, match="root_gobject_id and root_tag_name"):
        DiscoverHierarchyOptions(root_gobject_id=1, root_tag_name="Plant")
    with pytest.raises(ConfigurationError, match="parent_tag_name and parent_contained_path"):
        BrowseOptions(parent_tag_name="Plant", parent_contained_path="Plant")


def test_options_are_frozen_take_lists_and_can_be_changed_by_a_copy() -> None:
    given: Any = [13, 10]
    options = DiscoverHierarchyOptions(category_ids=given)
    assert options.category_ids == (13, 10)
    assert hash(options) == hash(DiscoverHierarchyOptions(category_ids=(13, 10)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.max_depth = 1  # type: ignore[misc]
    assert options.replace(max_depth=2).max_depth == 2
    assert options.max_depth is None
    with pytest.raises(ConfigurationError, match="depth"):
        options.replace(depth=2)
    with pytest.raises(ConfigurationError, match="max_depth"):
        options.replace(max_depth=-2)


def test_a_depth_of_0_an_id_of_0_and_false_are_sent_and_differ_from_nothing() -> None:
    unset = DiscoverHierarchyOptions().request()
    zero = DiscoverHierarchyOptions(
        max_depth=0, root_gobject_id=0, include_attributes=False
    ).request("token")
    for request, expected in ((unset, (None, None, None)), (zero, (0, 0, False))):
        received = decode(type(request), encode(request))
        assert (
            received.max_depth,
            received.root_gobject_id,
            received.include_attributes,
        ) == expected
    assert zero.page_token == "token"


def test_filters_move_to_another_parent_unchanged() -> None:
    top = BrowseOptions(parent_tag_name="Plant", category_ids=(13,), tag_name_glob="A*")
    below = top.below(7)
    assert below == BrowseOptions(parent_gobject_id=7, category_ids=(13,), tag_name_glob="A*")
