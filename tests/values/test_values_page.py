"""The type table of docs/values.md is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

from mxgateway import MxDataType
from mxgateway.values import TYPE_NAMES, data_type_name
from mxgateway.values.types import RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "values.md").read_text(encoding="utf-8")


def test_the_page_says_what_each_type_takes_and_how_it_travels() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| ([^|]*) \| ([^|]*) \|", PAGE, re.MULTILINE)
    assert [(int(number), name) for number, name, _, _ in rows] == [
        (int(member), data_type_name(member)) for member in MxDataType
    ]
    for number, _, takes, travels in rows:
        arms = RULES.get(MxDataType(int(number)), ())
        if arms:
            assert takes == " or ".join(arm.expected for arm in arms)
            assert travels == ", ".join(arm.field for arm in arms)


def test_the_page_names_every_type_name() -> None:
    for name in TYPE_NAMES:
        assert f"`{name.removesuffix('[]')}`" in PAGE
