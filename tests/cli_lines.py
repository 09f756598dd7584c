"""A command line for every command that scripts use, to be run after one another in one plant.

Words in braces stand for what `prepare` made: `{session}`, `{user}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mxgateway.simulator import GalaxyUser, Settings

__all__ = ["ALARM", "BENCHES", "LINES", "PASSWORD", "SETTINGS", "Line", "Prepared", "prepare"]

PASSWORD = "correct-horse-battery"
_GUID = "{6f5a1c7e-0d5b-4c55-9a51-0f6f1b1f00aa}"
SETTINGS = Settings(users=(GalaxyUser("anna", PASSWORD, _GUID),))
ALARM = "Galaxy!Probe.SimProbe_001.TestAlarm"

_S = "--session-id {session}"
_H = f"{_S} --server-handle 1"
_INT, _ARRAY, _SECURED = (f"{_H} --item-handle {n}" for n in (1, 2, 3))
_TIME = "--timestamp 2025-01-31T12:00:00.1234567Z"
_SIGNED = "--current-user-id {user}"
_BENCH = "--duration-seconds 0.1 --warmup-seconds 0 --bulk-size 2 --tag-pattern Tank_###.Level"


@dataclass(frozen=True)
class Line:
    """One command line that succeeds.

    Attributes:
        command: The command.
        words: Its options.
        needs: Whether it has required options.
        repeatable: Whether it prints the same when it is run again at once.
    """

    command: str
    words: str = ""
    needs: bool = True
    repeatable: bool = True

    def filled(self, prepared: Prepared) -> list[str]:
        """Return the words with what stands in braces filled in."""
        names = {"{session}": prepared.session_id, "{user}": str(prepared.user_id)}
        return [names.get(word, word) for word in self.words.split()]


BENCHES = (
    Line("bench-read-bulk", _BENCH, needs=False, repeatable=False),
    Line(
        "bench-stream-events",
        f"{_BENCH} --sessions 2 --stagger-ms 10",
        needs=False,
        repeatable=False,
    ),
)

# Their order is one in which all of them succeed.
LINES = (
    Line("open-session", "--client-session-name shift", needs=False, repeatable=False),
    Line("ping", f"{_S} --message hello"),
    Line("session-state", _S),
    Line("worker-info", _S),
    Line("drain-events", f"{_S} --max-events 1", repeatable=False),
    Line("stream-events", f"{_S} --max-events 1 --seconds 20", repeatable=False),
    Line("register", f"{_S} --client-name report", repeatable=False),
    Line("unregister", f"{_S} --server-handle 2", repeatable=False),
    Line("add-item", f"{_H} --item Tank_001.Level", repeatable=False),
    Line("add-item2", f"{_H} --item Me.Level --item-context Tank_002", repeatable=False),
    Line("add-buffered-item", f"{_H} --item Tank_003.Level", repeatable=False),
    Line("set-buffered-update-interval", f"{_H} --milliseconds 500"),
    Line("advise", f"{_H} --item-handle 4"),
    Line("advise-supervisory", f"{_H} --item-handle 5"),
    Line("suspend", _INT),
    Line("activate", _INT),
    Line("un-advise", f"{_H} --item-handle 5", repeatable=False),
    Line("remove-item", f"{_H} --item-handle 5", repeatable=False),
    Line("write", f"{_INT} --type int32 --value 5 --user-id 3"),
    Line("write2", f"{_INT} --type int32 --value 6 {_TIME}"),
    Line("write-secured", f"{_SECURED} --type int32 --value 7 {_SIGNED}"),
    Line("write-secured2", f"{_SECURED} --type int32 --value 8 {_SIGNED} {_TIME}"),
    Line(
        "write-array-elements",
        f"{_ARRAY} --type int32 --total-length 8 --element 0=5 --element 7=6",
    ),
    Line("authenticate-user", f"{_H} --user anna --password-env PLANT_PASSWORD"),
    Line("archestra-user-to-id", f"{_H} --user-guid {_GUID}"),
    Line("add-item-bulk", f"{_H} --items Tank_001.Level,Tank_002.Level", repeatable=False),
    Line("advise-item-bulk", f"{_H} --item-handles 1,2"),
    Line("subscribe-bulk", f"{_H} --items Pump_001.Running,Pump_002.Running", repeatable=False),
    Line("read-bulk", f"{_H} --items SimProbe_001.TestInt,SimProbe_001.TestDouble"),
    Line("write-bulk", f"{_H} --item-handles 1,1 --type int32 --values 5,6"),
    Line("write2-bulk", f"{_H} --item-handles 1,1 --type int32 --values [5,6] {_TIME}"),
    Line("write-secured-bulk", f"{_H} --item-handles 3 --type int32 --values 5 {_SIGNED}"),
    Line("write-secured2-bulk", f"{_H} --item-handles 3 --type int32 --values 5 {_SIGNED} {_TIME}"),
    Line("un-advise-item-bulk", f"{_H} --item-handles 1,2", repeatable=False),
    Line("unsubscribe-bulk", f"{_H} --item-handles 4", repeatable=False),
    Line("remove-item-bulk", f"{_H} --item-handles 1,2", repeatable=False),
    Line("stream-alarms", "--max-messages 1", needs=False),
    Line("query-active-alarms", "--filter-prefix Galaxy!", needs=False),
    Line("acknowledge-alarm", f"--reference {ALARM} --comment seen --operator anna"),
    Line("galaxy-test-connection", needs=False),
    Line("galaxy-last-deploy", needs=False),
    Line("galaxy-discover", "--tag-name-glob Tank_*", needs=False),
    Line("galaxy-browse", "--depth 2 --no-attributes", needs=False),
    Line("galaxy-watch-deploys", "--max-events 1", needs=False),
    Line("smoke", "--item SimProbe_001.TestInt", repeatable=False),
    Line("shutdown-worker", f"{_S} --grace-period 1", repeatable=False),
    Line("close-session", _S),
)


@dataclass(frozen=True)
class Prepared:
    """A session with a registration (1), advised items (1 to 3) and one that is not (4)."""

    session_id: str
    user_id: int


def prepare(run: Callable[..., Any]) -> Prepared:
    """Make what the lines need, by commands."""

    def answer(*words: str) -> Any:
        outcome = run(*words, "--json")
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)

    session = answer("open-session")["sessionId"]
    answer("register", "--session-id", session, "--client-name", "test")
    server = ("--session-id", session, "--server-handle", "1")
    tags = "SimProbe_001.TestInt,SimProbe_001.TestIntArray[],SimProbe_001.Secured"
    answer("subscribe-bulk", *server, "--items", tags)
    answer("add-item", *server, "--item", "SimProbe_001.TestDouble")
    login = ("--user", "anna", "--password-env", "PLANT_PASSWORD")
    user = answer("authenticate-user", *server, *login)["authenticateUser"]["userId"]
    return Prepared(session, user)
