"""JSON and TOML from outside have a bound on their nesting, wherever they are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.nesting import (
    MOST_DIGITS,
    MOST_LEVELS,
    LongNumberError,
    NestingError,
    parse_json,
    parse_toml,
)


@pytest.mark.parametrize("levels", [1, 2, MOST_LEVELS])
@pytest.mark.parametrize("pair", ["[]", '{"a":}'])
def test_documents_up_to_the_bound_are_read(pair: str, levels: int) -> None:
    text = pair[:-1] * (levels - 1) + "[]" + pair[-1] * (levels - 1)
    assert json.dumps(parse_json(text), separators=(",", ":")) == text


@pytest.mark.parametrize("levels", [MOST_LEVELS + 1, 400, 5_000, 200_000])
def test_deeper_ones_are_refused_whether_they_end_or_not(levels: int) -> None:
    for begin, end in (("[", "]"), ('{"a":', "}"), ('[{"b":0,"a":', "}]")):
        with pytest.raises(NestingError, match=r"nested too deeply, more than 100 levels"):
            parse_json(begin * levels + "0" + end * levels)
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting value"):
        parse_json("[" * levels)
    with pytest.raises(NestingError):
        parse_toml(f"a = {'[' * levels}{']' * levels}")
    with pytest.raises(NestingError):
        parse_toml(f"a = {'{a=' * levels}0{'}' * levels}")


def test_whole_numbers_have_a_bound_too_however_they_are_written() -> None:
    longest = 10**MOST_DIGITS - 1
    for sign, number in (("", longest), ("-", -longest)):
        assert parse_json(f'{{"a": [{sign}{longest}]}}') == {"a": [number]}
        assert parse_toml(f"a = [{sign}{longest}]") == {"a": [number]}
        for digits in (longest + 1, "9" * 5_000):
            with pytest.raises(LongNumberError, match="more than 640 digits"):
                parse_json(f'{{"a": [{sign}{digits}]}}')
            with pytest.raises(LongNumberError, match="more than 640 digits"):
                parse_toml(f"a = [{sign}{digits}]")
    with pytest.raises(LongNumberError):
        parse_toml(f"[a]\nb = {{c = 0x{'f' * 5_000}}}")


def test_dotted_keys_are_levels_too() -> None:
    with pytest.raises(NestingError):
        parse_toml(".".join(["a"] * 2_000) + " = 1")
    assert parse_toml("[a.b]\nc = [[1]]") == {"a": {"b": {"c": [[1]]}}}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    )
)
def test_what_is_flat_enough_is_what_json_says(document: object) -> None:
    assert parse_json(json.dumps(document)) == document
    assert parse_json(json.dumps(document).encode()) == document


def test_what_is_no_json_or_toml_is_a_value_error() -> None:
    for text in ("", "{", "[1,]", "nul", b"\xff"):
        with pytest.raises(ValueError, match=r".") as refused:
            parse_json(text)
        assert not isinstance(refused.value, NestingError)
    for text in ("a", "a = ", f"a = {'9' * 5_000}"):
        with pytest.raises(ValueError, match=r"."):
            parse_toml(text)
