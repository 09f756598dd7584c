"""Every requirement has a test, every mark names a requirement, and the page says which."""

from __future__ import annotations

from doc_blocks import ROOT
from requirement_ids import REQUIREMENTS, found


def test_every_requirement_is_shown_by_a_test() -> None:
    assert sorted(set(REQUIREMENTS) - set(found())) == []


def test_every_mark_names_a_known_requirement() -> None:
    assert sorted(set(found()) - set(REQUIREMENTS)) == []


def test_the_page_lists_the_tests_of_each_requirement() -> None:
    page = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    for name, places in found().items():
        assert f"`{name}`" in page, f"run make docs-tables: {name} is not on the page"
        for place in places:
            assert place.split("::")[0] in page, f"run make docs-tables: {place} is not on the page"
