"""The examples of the page on testing pass as test modules, on both loops."""

from __future__ import annotations

import pytest
from doc_blocks import ROOT, blocks_of

pytest_plugins = ["pytester"]

EXAMPLES = [b.text for b in blocks_of(ROOT / "docs" / "testing.md") if b.language == "python"]


def passes(pytester: pytest.Pytester, number: int) -> None:
    line, *examples = EXAMPLES
    assert len(examples) == 3
    pytester.makeconftest(line)
    pytester.makepyfile(examples[number])
    pytester.runpytest_subprocess("-q", "-W", "error").assert_outcomes(passed=2)


def test_the_first_example_passes(pytester: pytest.Pytester) -> None:
    passes(pytester, 0)


def test_the_second_example_passes(pytester: pytest.Pytester) -> None:
    passes(pytester, 1)


def test_the_third_example_passes(pytester: pytest.Pytester) -> None:
    passes(pytester, 2)
