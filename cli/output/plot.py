"""A chart of one number over time, drawn with Braille dots, or with ASCII where those are not."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from .tables import Cell

__all__ = ["Sample", "draw", "nice_ticks", "thinned"]

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # [row][column] of a cell
_BRAILLE: Final = 0x2800
_PLACES: Final = 1000  # parts of the time that are told apart
_ROWS_PER_TICK: Final = 4
_MOST_LINES: Final = 60
_HUGE: Final = sys.float_info.max
_TINY: Final = 1e-300  # below that, quotients lose their digits


@dataclass(frozen=True, slots=True)
class Sample:
    """A value and since when it holds.

    Attributes:
        moment: Seconds since the chart begins.
        value: The number; None where there is none to draw.
        good: Whether it can be used without doubt.
    """

    moment: float
    value: float | None
    good: bool = True


def draw(
    samples: Sequence[Sample],
    seconds: float,
    now: float,
    columns: int,
    lines: int,
    *,
    blocks: bool = True,
) -> list[list[Cell]]:
    """Return a chart as lines of cells. A value holds until the next one comes.

    Args:
        samples: In the order of their moments.
        seconds: What the width of the chart stands for.
        now: Up to which moment the last value is drawn.
        columns: Cells of a line, axis and labels included.
        lines: Lines, the axis of time and its labels included.
        blocks: Whether Braille dots and lines can be shown; else ASCII.
    """
    known = [s.value for s in samples if s.value is not None]
    rows = max(2, min(lines, _MOST_LINES) - 2)
    ticks = nice_ticks(min(known), max(known), max(1, rows // _ROWS_PER_TICK)) if known else []
    labels = [_label(tick, ticks) for tick in ticks]
    margin = max([len(label) for label in labels], default=1)
    room = max(8, columns - margin - 2)
    low, high = (ticks[0], ticks[-1]) if ticks else (0.0, 1.0)
    dots = _Dots(room, rows, fine=blocks)
    doubtful = _fill(dots, samples, seconds, now, low, high)
    places = {
        _row_of(tick, low, high, rows): label for tick, label in zip(ticks, labels, strict=True)
    }
    bar, corner, dash, mark = ("│", "└", "─", "┤") if blocks else ("|", "+", "-", "+")
    picture = []
    for row, text in enumerate(dots.lines()):
        label = places.get(row, "")
        edge = f"{label:>{margin}} {mark if label else bar}"
        picture.append([Cell(edge, "dim"), Cell(text.rstrip(), "cyan")])
    picture.append(_axis(margin, corner, dash, doubtful))
    picture.append([Cell(_times(seconds, margin + 2, room), "dim")])
    return picture


def thinned(samples: Sequence[Sample], seconds: float) -> list[Sample]:
    """Return fewer samples that make the same chart, but for what no eye tells apart.

    Of each thousandth of the time the first and last stay, the least and greatest, one that was
    not good, and one without a number.
    """
    kept: list[Sample] = []
    for _, group in groupby(samples, key=lambda s: math.floor(s.moment / seconds * _PLACES)):
        here = list(group)
        known = sorted((s for s in here if s.value is not None), key=lambda s: s.value or 0.0)
        wanted = [here[0], here[-1], *known[:1], *known[-1:]]
        wanted += [s for s in here if not s.good][:1] + [s for s in here if s.value is None][:1]
        ids = set(map(id, wanted))
        kept += [s for s in here if id(s) in ids]
    return kept


def nice_ticks(low: float, high: float, steps: int) -> list[float]:
    """Return round numbers, evenly spaced in about so many steps, that hold `low` and `high`."""
    if high - low <= max(abs(low) * 1e-12, _TINY):
        pad = abs(low) * 0.1 or 1.0
        low, high = max(low - pad, -_HUGE), min(high + pad, _HUGE)
    rough = (high / 2 - low / 2) / steps * 2
    if not math.isfinite(rough) or rough == 0:
        return [low, high]
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((m * size for m in (1, 2, 2.5, 5) if m * size >= rough * 0.999_999), 10 * size)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [n * step for n in range(first, last + 1)]
    # Numbers so close together that a step is lost in their digits, or so large that it is none.
    usable = len(set(ticks)) == len(ticks) > 1 and all(map(math.isfinite, ticks))
    return ticks if usable else [low, high]


def _label(tick: float, ticks: Sequence[float]) -> str:
    step = abs(ticks[1] - ticks[0])
    if not math.isfinite(step):
        return f"{tick:.4g}"
    if tick and not 1e-4 <= abs(tick) < 1e7:
        return f"{tick:.4g}"
    digits = max(0, min(9, -math.floor(math.log10(step)))) if step else 0
    if step and digits < 9 and not math.isclose(round(step, digits), step, rel_tol=1e-6):
        digits += 1  # a step of 2.5 or 0.25
    return f"{tick:.{digits}f}"


class _Dots:
    """Cells of 2 by 4 dots, or of one where only ASCII can be shown."""

    def __init__(self, columns: int, rows: int, *, fine: bool) -> None:
        self._fine = fine
        self.across, self.down = (2, 4) if fine else (1, 1)
        self.width, self.height = columns * self.across, rows * self.down
        self._cells = [[0] * columns for _ in range(rows)]

    def set(self, x: int, top: int, bottom: int) -> None:
        """Set the dots of a column from one row to another, both included."""
        for y in range(top, bottom + 1):
            bit = _DOTS[y % 4][x % 2] if self._fine else 1
            self._cells[y // self.down][x // self.across] |= bit

    def lines(self) -> Iterator[str]:
        """Yield the lines from the top."""
        for row in self._cells:
            if self._fine:
                yield "".join(chr(_BRAILLE + bits) if bits else " " for bits in row)
            else:
                yield "".join("*" if bits else " " for bits in row)


def _fill(
    dots: _Dots, samples: Sequence[Sample], seconds: float, now: float, low: float, high: float
) -> list[bool]:
    """Draw the line; return for every cell of the width whether a value there was not good."""
    doubtful = [False] * (dots.width // dots.across)
    end = min(dots.width, math.floor(now / seconds * dots.width) + 1)
    n, held = 0, None
    for x in range(end):
        until = (x + 1) / dots.width * seconds
        here = [] if held is None else [held]
        while n < len(samples) and samples[n].moment < until:
            held = samples[n]
            here.append(held)
            n += 1
        doubtful[x // dots.across] |= any(not sample.good for sample in here)
        rows = [
            _row_of(sample.value, low, high, dots.height)
            for sample in here
            if sample.value is not None
        ]
        if rows:
            dots.set(x, min(rows), max(rows))
    return doubtful


def _row_of(value: float, low: float, high: float, rows: int) -> int:
    """Return the row of a value, 0 at the top."""
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return rows - 1 - max(0, min(rows - 1, round(share * (rows - 1))))


def _axis(margin: int, corner: str, dash: str, doubtful: Sequence[bool]) -> list[Cell]:
    """Return the axis of time, with an x where a value was not good."""
    cells = [Cell(" " * (margin + 1) + corner, "dim")]
    begin = 0
    for n in range(1, len(doubtful) + 1):
        if n == len(doubtful) or doubtful[n] != doubtful[begin]:
            text = ("x" if doubtful[begin] else dash) * (n - begin)
            cells.append(Cell(text, "bold red" if doubtful[begin] else "dim"))
            begin = n
    return cells


def _times(seconds: float, indent: int, room: int) -> str:
    """Return the labels below the axis: begin, middle and end."""
    line = [" "] * (indent + room)
    wanted = ((0.0, 0), (0.5, room // 2), (1.0, room)) if room >= 24 else ((0.0, 0), (1.0, room))
    for share, place in wanted:
        label = f"{share * seconds:g} s"
        start = indent + min(max(0, place - len(label) // 2), room - len(label))
        if place == 0:
            start = indent
        line[start : start + len(label)] = label
    return "".join(line).rstrip()
