"""The screens in a real terminal: 80 and 200 columns, resized, interrupted, without colour."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mxgateway.simulator import ThreadedSimulator

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of this kind are POSIX only", allow_module_level=True)

from cli_people.people_terminal import Terminal

Start = Callable[..., Terminal]
TAGS = ("Tank_*.Level", "Pump_001.Speed", "SimProbe_001.AlwaysBad", "Pump_001.Interlocks")
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")


def left_clean(screen: Terminal) -> bool:
    """Whether the second screen is left, the cursor is back, and the last line is ended."""
    return (
        not screen.on_second_screen
        and screen.raw.count(b"\x1b[?25h") >= screen.raw.count(b"\x1b[?25l")
        and screen.raw.endswith(b"\n")
    )


@pytest.mark.requirement("cli.table-whole")
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_watch_fits_the_terminal_and_leaves_its_last_table(
    terminal: Start, sim: ThreadedSimulator, columns: int
) -> None:
    screen = terminal("watch", *TAGS, columns=columns)
    screen.read_until("Interlocks")
    shown = screen.frame()
    assert screen.on_second_screen
    for tag in ("Tank_001.Level", "Pump_001.Speed", "SimProbe_001.AlwaysBad"):
        assert re.search(rf"^{re.escape(tag)} +\S", shown, re.MULTILINE)
    assert re.search(r"^SimProbe_001.AlwaysBad +0 +Bad", shown, re.MULTILINE)
    assert ("Last 60 s" in shown) == (columns >= 80)
    assert ("Source time" in shown) == (columns >= 200)
    assert all(len(line) <= columns for line in shown.splitlines())
    assert "…" not in shown
    screen.interrupt()
    assert screen.finish() == 130
    assert left_clean(screen)
    last = screen.text()
    assert "interrupted" in last
    for tag in ("Tank_001.Level", "Tank_003.Level", "Pump_001.Interlocks"):
        assert tag in last


def test_watch_shows_changes_trends_and_dropped_nothing(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    screen = terminal("watch", "Tank_001.Level", "SimProbe_001.TestInt", columns=100)
    screen.read_until("40")
    sim.set_value("SimProbe_001.TestInt", 4711)
    # The value that has changed stands out: reversed, and not by colour alone.
    screen.read_until(r"\x1b\[[0-9;]*7m *4711")
    shown = screen.frame()
    assert re.search(r"^SimProbe_001.TestInt +4711 +Good +[▁-█]", shown, re.MULTILINE)
    assert "dropped" not in shown


@pytest.mark.parametrize(("start", "end"), [(80, 200), (200, 80), (120, 44)])
def test_watch_follows_a_change_of_size_in_the_middle(
    terminal: Start, sim: ThreadedSimulator, start: int, end: int
) -> None:
    screen = terminal("watch", *TAGS, columns=start)
    screen.read_until("Interlocks")
    screen.resize(end, 30)
    screen.frame()
    shown = screen.frame()
    tags = ("Tank_001.Level", "Tank_002.Level", "Tank_003.Level", "Pump_001.Speed")
    for tag in tags:
        assert len(re.findall(rf"^{re.escape(tag)} ", shown, re.MULTILINE)) == 1
    assert shown.count("Qual") == 1
    assert all(len(line) <= end for line in shown.splitlines())
    screen.interrupt()
    assert screen.finish() == 130
    assert left_clean(screen)


def test_a_terminal_that_is_too_low_says_how_much_it_hides_and_the_end_shows_all(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    screen = terminal("watch", "Pump_001.*", "--max-events", "16", "--sort", "tag", lines=10)
    shown = screen.read_until("more below")
    assert re.search(r"\d+ more below; the end shows all", screen.frame())
    sim.set_value("Pump_001.SpeedSP", 900.0)
    assert screen.finish() == 0
    last = screen.text()
    assert shown
    tags = re.findall(r"^Pump_001\.\S+", last, re.MULTILINE)
    assert len(tags) == 15
    assert tags == sorted(tags, key=str.casefold)


def test_a_tag_that_cannot_be_had_says_why_beside_the_others(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    screen = terminal("watch", "Nope.X", "Tank_001.Level", "--seconds", "1")
    screen.read_until("Configuration")
    assert screen.finish() == 0
    last = " ".join(screen.text().split())
    assert "Nope.X - Bad" in last
    assert "cannot be resolved" in last


def test_a_filter_leaves_only_what_is_asked_for(terminal: Start, sim: ThreadedSimulator) -> None:
    screen = terminal("watch", *TAGS, "--filter", "not-good")
    screen.read_until("AlwaysBad")
    shown = screen.frame()
    assert "not-good only" in shown
    assert "Tank_001.Level" not in shown
    sim.set_value("Tank_001.Level", 5.0, quality=0)
    assert "Tank_001.Level" in screen.read_until(r"Tank_001\.Level")


@pytest.mark.requirement("cli.signal")
def test_ctrl_c_twice_at_once_leaves_no_second_screen(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    screen = terminal("watch", *TAGS)
    screen.read_until("Interlocks")
    sim.faults.black_hole()
    screen.child.kill(signal.SIGINT)
    screen.child.kill(signal.SIGINT)
    assert screen.finish() in (130, -signal.SIGINT)
    assert not screen.on_second_screen
    assert screen.raw.rindex(b"\x1b[?25h") > screen.raw.rindex(b"\x1b[?25l")


def test_a_bound_counts_what_the_filter_lets_through(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    screen = terminal(
        *("watch", "SimProbe_001.TestInt", "--filter", "changed", "--max-events", "2")
    )
    screen.read_until("1 tag, changed only  1 values")
    sim.set_value("SimProbe_001.TestInt", 7)
    screen.read_until("2 values")
    sim.set_value("SimProbe_001.TestInt", 8)
    assert screen.finish() == 0
    assert re.search(r"^SimProbe_001.TestInt +8 +Good", screen.text(), re.MULTILINE)


@pytest.mark.parametrize("columns", [80, 200])
def test_the_alarm_board_moves_with_the_alarms(
    terminal: Start, sim: ThreadedSimulator, columns: int
) -> None:
    sim.set_value("SimProbe_001.TestAlarm", True)
    screen = terminal("alarms", columns=columns)
    screen.read_until("TestAlarm")
    shown = screen.frame()
    assert "1 active  1 unacked  source ALARMMGR" in shown
    assert re.search(r"\d{5} +500 +unacked .*Galaxy!Reaction.SimProbe_001.TestAlarm", shown)
    sim.set_value("Tank_001.Level", 97.0)
    screen.read_until("HiHi")
    shown = screen.frame()
    # The most urgent one stands first.
    assert shown.index("Tank_001.Level.HiHi") < shown.index("TestAlarm")
    screen.resize(280 - columns, 30)
    sim.alarms.failover("a test")
    screen.read_until("DEGRADED")
    screen.frame()
    assert "a test" in screen.frame()
    sim.set_value("SimProbe_001.TestAlarm", False)
    screen.read_until("cleared")
    screen.interrupt()
    assert screen.finish() == 130
    assert left_clean(screen)
    assert "Tank_001.Level.HiHi" in screen.text()


@pytest.mark.parametrize("columns", [80, 200])
def test_a_plot_grows_and_stays(terminal: Start, sim: ThreadedSimulator, columns: int) -> None:
    screen = terminal("plot", "SimProbe_001.TestInt", "--seconds", "2", columns=columns)
    screen.read_until("Good")
    sim.set_value("SimProbe_001.TestInt", 100)
    screen.read_until("max 100")
    assert screen.finish() == 0
    assert left_clean(screen)
    last = screen.text()
    assert re.search(r"^100 ┤", last, re.MULTILINE)
    assert "2 values  2 of 2 s" in last
    assert re.search(r"[\u2801-\u28ff]{3}", last)
    assert all(len(line) <= columns for line in last.splitlines())


def test_an_interrupted_plot_keeps_what_it_has(terminal: Start, sim: ThreadedSimulator) -> None:
    screen = terminal("plot", "Tank_001.Level", "--seconds", "600", "--height", "10")
    screen.read_until("Good")
    screen.interrupt()
    assert screen.finish() == 130
    assert left_clean(screen)
    assert "of 600 s" in screen.text()


@pytest.mark.parametrize("columns", [80, 200])
def test_read_find_tree_and_info_fit(terminal: Start, sim: ThreadedSimulator, columns: int) -> None:
    for words in (
        ("read", "Pump_001.*", "Nope.X"),
        ("find", "Pump_00*"),
        ("tree", "--all"),
        ("info", "Pump_001.Bypass"),
        ("alarms", "--once"),
    ):
        screen = terminal(*words, columns=columns, lines=200)
        assert screen.finish() == (8 if words[0] == "read" else 0)
        text = screen.text()
        assert all(len(line) <= columns for line in text.splitlines())
        assert "…" not in text
        assert "Internal" not in text


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_progress_is_drawn_over_and_gone_at_the_end(
    terminal: Start, sim: ThreadedSimulator, columns: int
) -> None:
    screen = terminal(
        *("galaxy-discover", "--page-size", "8", "--fields", "tagName", "--output", "csv"),
        columns=columns,
        lines=60,
    )
    assert screen.finish() == 0
    assert b"24 of 32 objects" in screen.raw
    assert (b"[######" in screen.raw) == (columns >= 80)
    shown = [line for line in screen.text().splitlines() if line]
    assert shown[0] == "tagName"
    assert len(shown) == 33


def test_a_narrow_tree_keeps_its_shape(terminal: Start, sim: ThreadedSimulator) -> None:
    screen = terminal("tree", columns=40, lines=60)
    assert screen.finish() == 0
    shown = screen.text().splitlines()
    start = next(n for n, line in enumerate(shown) if "DemoEngine_001" in line)
    assert shown[start] == "├─ DemoEngine_001  $gAppEngine, 6"
    assert shown[start + 1] == "│  attributes"


def test_a_plot_of_a_narrow_terminal_keeps_its_axis(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    screen = terminal("plot", "Tank_001.Level", "--seconds", "60", columns=30, lines=14)
    screen.read_until("60 s")
    shown = screen.frame()
    assert "└─" in shown
    assert "60 s" in shown
    screen.interrupt()
    assert screen.finish() == 130


def test_the_alarm_board_cuts_no_reference_and_no_reason(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    reason = "the node of the alarm provider is lost"
    sim.set_value("SimProbe_001.TestAlarm", True)
    screen = terminal("alarms", columns=40, lines=40)
    screen.read_until("unacked")
    sim.faults.failover(reason)
    screen.read_until("DEGRADED")
    sim.set_value("SimProbe_001.TestAlarm", False)
    screen.read_until("cleared")
    shown = "".join(line.strip() for line in screen.frame().splitlines()).replace(" ", "")
    assert "clearedGalaxy!Reaction.SimProbe_001.TestAlarm" in shown
    assert reason.replace(" ", "") in shown
    assert "alarmsackNUMBER--commentTEXT" in shown
    screen.interrupt()
    assert screen.finish() == 130


def test_the_most_urgent_alarm_is_on_the_smallest_screen(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    sim.set_value("Tank_001.Level", 97.5)
    screen = terminal("alarms", columns=40, lines=10)
    screen.read_until("unacked")
    shown = screen.frame().replace("\n", "").replace(" ", "")
    assert "Galaxy!Intake.Tank_001.Level.HiHi" in shown
    screen.interrupt()
    assert screen.finish() == 130


@pytest.mark.requirement("cli.table-whole")
def test_a_tag_wider_than_the_terminal_folds_and_loses_nothing(
    terminal: Start, sim: ThreadedSimulator
) -> None:
    tag = "Area001.ReactorVessel." + "Sub." * 20 + "Temperature"
    screen = terminal("read", tag, columns=60)
    assert screen.finish() == 8
    first = re.compile(r"^\S+", re.MULTILINE)
    joined = "".join(m[0] for m in first.finditer(screen.text()))
    assert tag in joined


@pytest.mark.parametrize(
    "words", [("read", "SimProbe_001.AlwaysBad"), ("tree",), ("watch", "Tank_*.Level")]
)
def test_no_color_is_honoured(
    terminal: Start, sim: ThreadedSimulator, words: tuple[str, ...]
) -> None:
    if words[0] == "watch":
        words += ("--max-events", "3")
    coloured = terminal(*words)
    assert coloured.finish() == 0
    plain = terminal(*words, NO_COLOR="1")
    assert plain.finish() == 0
    assert COLOUR.search(coloured.raw)
    assert not COLOUR.search(plain.raw)


def test_a_dumb_terminal_gets_rows(terminal: Start, sim: ThreadedSimulator) -> None:
    screen = terminal("watch", "Tank_*.Level", "--max-events", "3", TERM="dumb")
    assert screen.finish() == 0
    assert b"\x1b[?1049h" not in screen.raw
    assert len(re.findall(r"^Tank_00\d\.Level +\S", screen.text(), re.MULTILINE)) == 3


@pytest.mark.requirement("cli.exit-codes")
@pytest.mark.parametrize("loss", ["drop_connections", "kill_worker", "expire_lease"])
@pytest.mark.parametrize(
    "words", [("watch", "Tank_001.Level"), ("plot", "Tank_001.Level", "--seconds", "60")]
)
def test_what_was_shown_before_a_loss_stays_and_is_said_to_be_old(
    terminal: Start, sim: ThreadedSimulator, words: tuple[str, ...], loss: str
) -> None:
    screen = terminal(*words, columns=120)
    screen.read_until("Good")
    getattr(sim.faults, loss)()
    assert screen.finish() == 9
    assert left_clean(screen)
    shown = screen.text()
    assert "Tank_001.Level" in shown
    assert "NO LONGER LIVE: the session of the tags is gone" in shown
    assert "Error: SessionLostError:" in shown
    assert "What was shown is no longer live" in shown
    assert "register, add and advise" not in shown


@pytest.mark.requirement("cli.exit-codes")
def test_a_lost_alarm_board_claims_nothing(terminal: Start, sim: ThreadedSimulator) -> None:
    screen = terminal("alarms", columns=120)
    screen.read_until("No alarm is active")
    sim.faults.drop_connections()
    assert screen.finish() == 9
    shown = screen.text()
    assert "NO LONGER LIVE" in shown
    assert "No alarm is active" not in shown
    assert "look before you send it again" not in shown
    assert "BrokenResource" not in shown


@pytest.mark.requirement("cli.table-whole")
@pytest.mark.parametrize("columns", [40, 80])
def test_why_something_failed_is_told_at_every_width(
    terminal: Start, sim: ThreadedSimulator, columns: int
) -> None:
    for words in (("read", "Nope.Attr"), ("write", "Nope.Attr", "5")):
        screen = terminal(*words, columns=columns)
        assert screen.finish() == 8
        assert "MX_E_InvalidReference" in screen.text()


def test_a_picture_of_the_last_table_is_written_also_after_ctrl_c(
    terminal: Start, sim: ThreadedSimulator, tmp_path: Path
) -> None:
    file = tmp_path / "watch.svg"
    screen = terminal("watch", "Tank_001.Level", "--export", str(file))
    screen.read_until("Good")
    screen.interrupt()
    assert screen.finish() == 130
    assert "Tank_001.Level" in file.read_text("utf-8")


def test_passwords_are_asked_for_and_not_echoed(terminal: Start, sim: ThreadedSimulator) -> None:
    screen = terminal("write", "SimProbe_001.Secured", "5", "--user", "operator", columns=120)
    screen.read_until("Password of operator: ")
    screen.child.sendline("operator-is-not-it")
    assert screen.finish() != 0
    assert "operator-is-not-it" not in screen.text()
