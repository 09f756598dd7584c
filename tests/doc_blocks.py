"""Reads the fenced blocks and links of the project's Markdown pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "Link", "blocks_of", "links_of", "pages", "slug"]

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)\s*$")
_COVERED = re.compile(r"^<!-- tested by: (?P<test>\S+) -->$")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        page: Path of the page, relative to the repository.
        line: Line of the opening fence, counted from 1.
        language: The word behind the fence; empty without one.
        text: What stands between the fences, without their indentation.
        covered_by: The test named by `<!-- tested by: path::name -->` right above, if any.
    """

    page: str
    line: int
    language: str
    text: str
    covered_by: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: where it stands and where it leads."""

    page: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} -> {self.target}"


def pages() -> list[Path]:
    """Return README, CHANGELOG and every page under docs/."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of `page` in order.

    Raises:
        ValueError: A fence is not closed.
    """
    name = page.relative_to(ROOT).as_posix()
    lines = page.read_text(encoding="utf-8").splitlines()
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    start = 0
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if opened is None:
            opened, start = fence, number
        elif fence is not None and fence["indent"] == opened["indent"] and not fence["language"]:
            above = next((text for text in reversed(lines[: start - 1]) if text.strip()), "")
            covered = _COVERED.match(above.strip())
            indent = len(opened["indent"])
            blocks.append(
                Block(
                    page=name,
                    line=start,
                    language=opened["language"],
                    text="\n".join(text[indent:] for text in lines[start : number - 1]),
                    covered_by=covered["test"] if covered else None,
                )
            )
            opened = None
    if opened is not None:
        raise ValueError(f"{name}:{start}: the fence is not closed")
    return blocks


def links_of(page: Path) -> list[Link]:
    """Return the links of `page` outside fenced blocks, those to other sites left out."""
    name = page.relative_to(ROOT).as_posix()
    links: list[Link] = []
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            links += [
                Link(name, number, match["target"])
                for match in _LINK.finditer(line)
                if "://" not in match["target"]
            ]
    return links


def slug(heading: str) -> str:
    """Return the anchor of a heading, as Git hosts make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")
