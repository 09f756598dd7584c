"""The rules of the gateway and of MXAccess that a client can observe, each in one sentence.

`@pytest.mark.rule("events.one-stream")` on a test says that it shows this rule. The order
is that of the gateway semantics, sections 1 to 10, then of the MXAccess reference,
sections 1 to 9. `found()` reads those marks from the test files; nothing has to be
imported for it.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["RULES", "found"]

TESTS = Path(__file__).resolve().parent

RULES = {
    # Gateway semantics 1: transport
    "transport.message-size": "Messages of 16 MiB pass both ways; larger ones are refused.",
    "transport.plain-and-tls": "The gateway serves plaintext HTTP/2, or TLS where it is set up.",
    # 2: authentication and scopes
    "auth.bearer": "Every call brings its key as Bearer; the case of that word does not matter.",
    "auth.unauthenticated": "A missing, malformed or unknown key is UNAUTHENTICATED.",
    "auth.scope-write": "Write needs invoke:write, else PERMISSION_DENIED.",
    "auth.scope-secure": "WriteSecured and AuthenticateUser need invoke:secure.",
    "auth.scope-events": "StreamEvents, the alarm streams and DrainEvents need events:read.",
    "auth.scope-metadata": "The galaxy calls need metadata:read.",
    "auth.scope-acknowledge": "AcknowledgeAlarm needs invoke:write.",
    "auth.constraint": "A single command outside a key's constraints is PERMISSION_DENIED.",
    "auth.constraint-bulk": "In bulk, entries outside a key's constraints fail, the others run.",
    "auth.constraint-galaxy": "Galaxy results are narrowed to what the key may see, silently.",
    # 3: sessions
    "session.ready": "OpenSession returns when the session is Ready.",
    "session.id-opaque": "Each session has an id of its own.",
    "session.only-ready": "Only a Ready session takes commands and event streams.",
    "session.unknown": "A session that is not known is NOT_FOUND.",
    "session.missing-id": "A request without a session id is INVALID_ARGUMENT.",
    "session.faulted-final": "A faulted session stays faulted.",
    "session.lease": "A session without calls and streams is closed when its lease ends.",
    "session.lease-extended": "Every unary call extends the lease.",
    "session.stream-keeps": "An attached event stream keeps its session alive.",
    "session.detach-grace": "After its last stream a session stays Ready for the detach grace.",
    "session.close-idempotent": "CloseSession returns the final state, also when called again.",
    "session.limit": "One session too many is RESOURCE_EXHAUSTED.",
    "session.pending-limit": "One pending command too many fails at once.",
    "session.not-restored": "Sessions do not outlive a restart of the gateway.",
    # 4: commands
    "command.two-layers": "What MXAccess refuses is a normal reply with MXACCESS_FAILURE.",
    "command.hresult": "A refusal carries its HRESULT and its statuses.",
    "command.kind": "Answers are read by kind; a payload of another kind is INVALID_ARGUMENT.",
    "command.correlation": "The correlation id is echoed, or filled in where it was empty.",
    "command.cancel-goes-on": "Cancelling a call does not stop the command.",
    "command.diagnostics": "Ping, GetSessionState and GetWorkerInfo answer.",
    "command.drain": "DrainEvents takes what waits for a stream, at most as many as asked.",
    "command.shutdown": "A session whose worker was shut down takes no more commands.",
    "write.completion": "Write answers when it is accepted; OnWriteComplete tells the outcome.",
    "write.advise-first": "A write to an item that is not advised is E_INVALIDARG.",
    "write.user-supervisory": "The user id of a plain write counts on a supervisory advise only.",
    # 5: statuses
    "status.invalid-argument": "A request that breaks the contract is INVALID_ARGUMENT.",
    "status.unavailable": "Streams of a session whose worker has died end with UNAVAILABLE.",
    "status.failed-precondition": "A session that is not Ready is FAILED_PRECONDITION.",
    # 6: events
    "events.order": "Events come in the worker's order.",
    "events.contiguous": "worker_sequence begins with 1 in every session and has no holes.",
    "events.one-stream": "A second event stream of a session is ALREADY_EXISTS.",
    "events.shared": "Where sharing is on, a session has up to eight streams.",
    "events.overflow": "A queue that overflows ends the stream, and by default the session.",
    "events.fresh": "A stream that starts with 0 replays nothing.",
    "events.resume": "A resumed stream brings what came after, without gap or duplicate.",
    "events.gap": "Where that is not kept, one sentinel comes first, then what is kept.",
    "events.gap-edge": "Resuming right before the oldest event brings no sentinel.",
    "events.close": "Closing the session ends its stream with OK.",
    "events.three-clocks": "An event has the times of source, worker and gateway.",
    "events.operation-complete": "OperationComplete comes only where it is native.",
    # 7: values
    "value.integer": "Integers arrive as int32_value with data type Integer.",
    "value.null": "A tag without a value is null, with its quality.",
    "value.array-whole": "Writing an array replaces all of it.",
    "value.array-brackets": "`[]` is appended to the bare name of an array.",
    "value.array-element": "`[n]` is the element counted from 1.",
    "value.sparse-reset": "A sparse write resets the elements that it does not list.",
    "value.sparse-index": "A sparse index is below total_length, else INVALID_ARGUMENT.",
    # 8: bulk
    "bulk.order": "Bulk results come in the order of the entries, one each.",
    "bulk.entry-fails": "An entry that fails is a failed result, never a failed call.",
    "bulk.read-cached": "ReadBulk answers an advised tag from the cache.",
    "bulk.read-leaves-nothing": "ReadBulk leaves the session as it was.",
    "bulk.read-timeout": "A tag that has no value in time is a failed result.",
    "bulk.secured-users": "Secured bulk writes have their users in each entry.",
    # 9: alarms
    "alarm.feed-order": "The feed has the alarms, snapshot_complete, then the provider's status.",
    "alarm.transitions": "Then raise, acknowledge and clear follow as they happen.",
    "alarm.retrigger": "An alarm that comes again unacknowledged is a retrigger.",
    "alarm.prefix": "The filter is the beginning of the reference.",
    "alarm.sessionless": "The alarm calls need no session.",
    "alarm.acknowledge": "An acknowledged alarm is active-acked and keeps user and comment.",
    "alarm.reference-form": "What is neither Provider!Group.Tag nor a GUID is INVALID_ARGUMENT.",
    "alarm.cleared-gone": "A cleared alarm is in no snapshot.",
    "alarm.degraded": "In the subtag mode every message is marked as degraded.",
    "alarm.provider-status": "Failover and failback are told in the feed.",
    "alarm.disabled": "Where the monitor is off, alarm calls are FAILED_PRECONDITION.",
    # 10: galaxy
    "galaxy.test-connection": "A database that does not answer is ok = false, not an error.",
    "galaxy.pages": "Pages hold at most what was asked for; the last one has an empty token.",
    "galaxy.token-stale": "A page token does not outlive a deploy: INVALID_ARGUMENT.",
    "galaxy.token-bound": "A page token of other filters or another root is INVALID_ARGUMENT.",
    "galaxy.filters": "Filters are ANDed; the count is that of what passes.",
    "galaxy.glob": "The tag-name glob is for the whole name and ignores case.",
    "galaxy.depth": "max_depth 0 is the root alone, unset is no limit.",
    "galaxy.attributes": "Attributes are left out only where include_attributes is false.",
    "galaxy.children-order": "Children come areas first, then by name.",
    "galaxy.children-hint": "child_has_children runs parallel to children.",
    "galaxy.not-found": "An unknown root or parent is NOT_FOUND.",
    "galaxy.watch": "WatchDeployEvents tells the state at once, then each deploy.",
    "galaxy.watch-seen": "The state that was seen already is not told again.",
    "galaxy.cache-unloaded": "While the cache is not loaded, calls are UNAVAILABLE.",
    # MXAccess reference 1: the methods
    "mx.handles": "Handles are never 0; those of another registration are E_INVALIDARG.",
    "mx.register-name": "A session may register several times.",
    "mx.misspelt-handle": "A reference that leads nowhere gets a handle and fails when advised.",
    "mx.advise-again": "Advising again brings no second first value.",
    "mx.un-advise-unadvised": "Un-advising what is not advised succeeds.",
    "mx.remove-advised": "Removing an advised item un-advises it.",
    "mx.un-advise-stops": "After UnAdvise no data change comes.",
    "mx.unregister": "Unregister ends a registration and all its items.",
    "mx.write-before-value": "A write before the first data change is E_INVALIDARG.",
    "mx.context": "The context of AddItem2 gives `Me` its meaning.",
    "mx.suspend": "A suspended item sends nothing; Activate lets it go on.",
    "mx.suspend-unadvised": "Suspend of an unadvised item is OK with an OperationalError.",
    "mx.activate-running": "Activate of an item that runs succeeds.",
    "mx.buffered": "A buffered item sends its values in batches.",
    "mx.login": "AuthenticateUser gives an id that is not 0, and refuses a wrong login.",
    "mx.user-guid": "ArchestrAUserToId gives an id for the GUID of a user.",
    # 2: events
    "mx.first-value": "The first data change follows the advise.",
    "mx.change-only": "Data changes come when value or quality change.",
    "mx.failed-change": "A failing data change is null, with quality 0 and a failing status.",
    "mx.pending-first": "A completion Pending may come before the one that counts.",
    # 3: types
    "mx.coercion": "What can be converted is written; what cannot fails in the completion.",
    "mx.types": "Every type travels in its own member, with its VARIANT tag.",
    # 4: statuses
    "mx.unresolved": "An unresolved name is a ConfigurationError with detail 6.",
    "mx.bare-array": "The bare name of an array fails with detail 1003 where nothing appends `[]`.",
    "mx.not-writable": "A write to what nobody may write fails in the completion.",
    # 5: quality
    "mx.quality": "A data change has the OPC DA quality of its tag.",
    # 6: security
    "mx.secured-needed": "Write to a secured attribute completes with detail 1012.",
    "mx.verified-needed": "Write to a verified attribute completes with detail 1013.",
    "mx.secured-write": "WriteSecured by a user who signed in writes a secured attribute.",
    "mx.verified-write": "A verified attribute takes two different users.",
    "mx.supervisory-bypass": "On a supervisory advise nobody has to sign in.",
    # 7 and 8: categories and references
    "mx.case": "References ignore case.",
    "mx.element-zero": "Element 0 of an array is no valid reference.",
    # 9: alarms
    "mx.alarm-reference": "A reference is Galaxy!area.object.attribute.",
    "mx.alarm-boolean": "A Boolean with an alarm is in alarm while it is true.",
}


def found() -> dict[str, list[str]]:
    """Return the tests of each rule that any test carries, as `file::name`, sorted."""
    result: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                for rule in _ids(mark):
                    place = f"{path.relative_to(TESTS).as_posix()}::{node.name}"
                    result.setdefault(rule, set()).add(place)
    return {name: sorted(places) for name, places in sorted(result.items())}


def _ids(mark: ast.expr) -> list[str]:
    return [
        argument.value
        for node in ast.walk(mark)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "rule"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
