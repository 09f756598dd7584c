"""`read`: all rows, whole tags, one envelope, and inputs that are checked first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_people.people_runs import Outcome

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Outcome]
MISSING = "Nope_with_a_name_that_is_longer_than_any_terminal_" + "x" * 60 + ".Value"


@pytest.mark.requirement("cli.table-whole")
def test_every_tag_has_a_whole_row_also_where_some_failed(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("read", "Tank_001.Level", MISSING, "SimProbe_001.AlwaysBad", "Pump_001.ModeText")
    assert outcome.code == 8
    rows = outcome.out.splitlines()
    assert rows[0].split("  ")[0] == "Tag"
    assert rows[1].startswith("Tank_001.Level ")
    assert "Good (192)" in rows[1]
    assert "Float" in rows[1]
    assert rows[2].startswith(f"{MISSING} ")
    assert "name cannot be resolved" in rows[2]
    assert "Bad, comm failure (24)" in rows[3]
    assert "Auto" in rows[4]
    assert len(rows) == 5
    assert outcome.err == "1 of 4 tags could not be read.\n"


@pytest.mark.requirement("read.batch-partial")
def test_the_document_has_one_result_for_each_tag_in_order(
    run: Run, sim: ThreadedSimulator
) -> None:
    tags = ["Pump_001.Speed", MISSING, "Pump_001.Speed", "SimProbe_001.TestInt"]
    outcome = run("read", *tags, "--json", "--quiet")
    document = outcome.json()
    assert outcome.code == 8
    assert json.loads(outcome.err) == {
        "exitCode": 8,
        "failed": 1,
        "message": "1 of 4 tags could not be read",
        "total": 4,
        "type": "PartialFailure",
    }
    assert [result["tag"] for result in document["results"]] == tags
    assert [result["ok"] for result in document["results"]] == [True, False, True, True]
    assert document["query"] == {"tags": tags}
    assert (document["ok"], document["failed"]) == (False, 1)
    assert document["results"][0]["value"] == 1450.0
    assert document["results"][0]["quality"] == 192
    assert document["results"][1]["status"].startswith("Configuration error")


@pytest.mark.requirement("cli.stdout-pure")
@pytest.mark.parametrize("format_", ["json", "jsonl", "csv", "table"])
def test_two_runs_print_the_same_bytes(run: Run, sim: ThreadedSimulator, format_: str) -> None:
    words = ("read", "Tank_*.Level", "Pump_001.RunHours", "--output", format_)
    first, second = run(*words), run(*words)
    assert first.code == 0
    assert first.out == second.out
    assert first.err == second.err == ""


def test_csv_has_the_same_header_whatever_is_read(run: Run, sim: ThreadedSimulator) -> None:
    one = run("read", "Tank_001.Level", "--output", "csv").out.splitlines()
    two = run("read", MISSING, "--output", "csv").out.splitlines()
    assert one[0] == two[0]
    assert one[0].startswith("tag,ok,value,quality,")
    assert one[1].startswith("Tank_001.Level,true,40.0,192,true,")


def test_a_file_and_stdin_may_have_tags_json_comments_and_blank_lines(
    run: Run, spawn: Run, sim: ThreadedSimulator, tmp_path: Path
) -> None:
    text = '# levels\n\nTank_001.Level\n  Tank_002.Level  \n"Pump_001.Speed"\n'
    text += '{"tag": "Pump_001.Mode", "value": 3}\n'
    file = tmp_path / "tags.txt"
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    wanted = ["Tank_001.Level", "Tank_002.Level", "Pump_001.Speed", "Pump_001.Mode"]
    from_file = run("read", f"@{file}", "SimProbe_001.TestInt", "--json").json()
    assert [r["tag"] for r in from_file["results"]] == [*wanted, "SimProbe_001.TestInt"]
    from_stdin = spawn("read", "-", "--json", stdin=text.encode()).json()
    assert [r["tag"] for r in from_stdin["results"]] == wanted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_file_may_be_written_by_any_windows_shell(
    run: Run, spawn: Run, sim: ThreadedSimulator, tmp_path: Path, encoding: str
) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    lines = 'Tank_001.Level\r\n{"tag": "Tank_002.Level", "note": "a\u2028b \u00e4"}\r\n'
    data = (mark + lines).encode(encoding)
    file = tmp_path / "tags.txt"
    file.write_bytes(data)
    for outcome in (
        run("read", f"@{file}", "--json"),
        spawn("read", "-", "--json", stdin=data),
    ):
        tags = [result["tag"] for result in outcome.json()["results"]]
        assert tags == ["Tank_001.Level", "Tank_002.Level"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Tank_001.\xe4", "is no UTF-8 text"),
        (b"\xff\xfeT", "is no UTF-16 text"),
        ("Tank_001.Level".encode("utf-16-le"), "UTF-16 needs the mark"),
    ],
)
def test_another_encoding_is_refused_by_name(
    run: Run, tmp_path: Path, data: bytes, reason: str
) -> None:
    file = tmp_path / "tags.txt"
    file.write_bytes(data)
    outcome = run("read", f"@{file}", "--plaintext", "--endpoint", "127.0.0.1:1")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{file} " in outcome.err
    assert reason in outcome.err


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON"),
        ('{"value": 1}', "give a tag"),
        ('"', "no JSON"),
        ('{"tag": 5}', "give a tag"),
        ('{"tag": NaN}', "no number"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_sent(
    run: Run, tmp_path: Path, line: str, reason: str
) -> None:
    file = tmp_path / "tags.txt"
    file.write_text(f"Tank_001.Level\n{line}\n", encoding="utf-8")
    # Nothing listens there, so that only what comes before connecting can be told.
    outcome = run("read", f"@{file}", "--plaintext", "--endpoint", "127.0.0.1:1")
    assert outcome.code == 2
    assert f"{file}, line 2" in outcome.err
    assert reason in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("content", [b"", b"# nothing\n\n", b"\xff\xfe\x00"])
def test_a_file_without_tags_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tags.txt"
    file.write_bytes(content)
    assert run("read", f"@{file}", "--plaintext").code == 2
    assert run("read", f"@{tmp_path / 'none.txt'}", "--plaintext").code == 2


def test_a_pattern_stands_for_the_attributes_that_match(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("read", "tank_00?.level", "Pump_001.Interlocks", "*.inlet*", "--json")
    assert outcome.code == 7
    assert "no attribute of the galaxy matches '*.inlet*'" in json.loads(outcome.err)["message"]
    tags = [r["tag"] for r in run("read", "tank_00?.level", "--json").json()["results"]]
    assert sorted(tags) == ["Tank_001.Level", "Tank_002.Level", "Tank_003.Level"]
    assert sim.session_count == 0


def test_too_many_tags_of_a_pattern_are_refused_before_one_is_advised(
    run: Run, sim: ThreadedSimulator
) -> None:
    outcome = run("read", "*", "--max-tags", "10")
    assert outcome.code == 2
    assert "more than 10" in outcome.err
    assert sim.audit.events_sent == 0


def test_failures_of_connection_and_key_have_their_codes(
    run: Run, sim: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("read", "A.B", "--endpoint", "127.0.0.1:1", "--json").code == 3
    monkeypatch.setenv("MXGATEWAY_API_KEY", "mxgw_wrong_key")
    outcome = run("read", "A.B", "--json")
    assert outcome.code == 5
    assert outcome.out == ""
    assert "mxgw_wrong_key" not in outcome.err


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_a_picture_is_whole_and_asks_no_other_computer(
    run: Run, sim: ThreadedSimulator, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"levels.{kind}"
    outcome = run("read", "Tank_001.Level", "--export", str(file))
    assert outcome.code == 0
    text = file.read_text("utf-8")
    assert "Tank_001.Level" in text
    assert 'url("http' not in text
    assert "@font-face" not in text
    assert f"Written to {file}" in outcome.err


def test_a_picture_without_a_folder_is_refused_before_anything_is_sent(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "none" / "p.svg"
    outcome = run("read", "A.B", "--export", str(file), "--plaintext", "--endpoint", "127.0.0.1:1")
    assert outcome.code == 2
    assert "there is no such folder" in outcome.err


def test_a_picture_of_another_kind_is_refused(run: Run, tmp_path: Path) -> None:
    outcome = run("read", "A.B", "--plaintext", "--export", str(tmp_path / "x.png"))
    assert outcome.code == 2
    assert ".svg or .html" in outcome.err


def test_a_control_character_of_the_plant_does_not_reach_the_reader(
    run: Run, sim: ThreadedSimulator
) -> None:
    sim.set_value("SimProbe_001.TestString", "a\x1b[2Jb\nc")
    outcome = run("read", "SimProbe_001.TestString")
    assert "\x1b" not in outcome.out
    assert "a\\x1b[2Jb\\nc" in outcome.out
    assert len(outcome.out.splitlines()) == 2


def test_fields_choose_members_in_every_format(run: Run, sim: ThreadedSimulator) -> None:
    words = ("read", "Tank_001.Level", "--fields", "tag,value")
    assert run(*words).out.split() == ["tag", "value", "Tank_001.Level", "40.0"]
    result: Any = run(*words, "--output", "jsonl").rows()
    assert result == [{"tag": "Tank_001.Level", "value": 40.0}]
