"""The rules of the gateway and of MXAccess that a client can observe, each in one sentence.

`@pytest.mark.rule("events.one-stream")` on a test says that it shows this rule. The order
is that of the gateway semantics, sections 1 to 10, then of the MXAccess reference,
sections 1 to 9. `found()` reads those marks from the test files; nothing has to be
imported for it.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["RULES", "found", "shown_by"]

TESTS = Path(__file__).resolve().parent

RULES = {
    # Gateway semantics 1: transport
    "transport.message-size": "Messages of 16 MiB pass both ways; larger ones are refused.",
    "transport.plain-and-tls": "The gateway serves plaintext HTTP/2, or TLS where it is set up.",
    # 2: authentication and scopes
    "auth.bearer": "Every call brings its key as Bearer; the case of that word does not matter.",
    "auth.unauthenticated": "A missing, malformed or unknown key is UNAUTHENTICATED.",
    "auth.revoked": "A revoked key is UNAUTHENTICATED; open streams go on.",
    "auth.scope-session": "OpenSession needs session:open, CloseSession session:close.",
    "auth.scope-read": "Every command that is not named below needs invoke:read, ReadBulk too.",
    "auth.scope-write": "Write needs invoke:write, else PERMISSION_DENIED.",
    "auth.scope-secure": "WriteSecured and AuthenticateUser need invoke:secure.",
    "auth.scope-events": "StreamEvents, the alarm streams and DrainEvents need events:read.",
    "auth.scope-metadata": "The galaxy calls need metadata:read.",
    "auth.scope-acknowledge": "AcknowledgeAlarm needs invoke:write.",
    "auth.constraint": "A single command outside a key's constraints is PERMISSION_DENIED.",
    "auth.max-classification": "A key writes up to its highest classification.",
    "auth.constraint-bulk": "In bulk, entries outside a key's constraints fail, the others run.",
    "auth.constraint-galaxy": "Galaxy results are narrowed to what the key may see, silently.",
    # 3: sessions
    "session.ready": "OpenSession returns when the session is Ready.",
    "session.states": "Before, it goes through Creating and the states of a worker that starts.",
    "session.worker-start": "A worker that does not start in time is UNAVAILABLE.",
    "session.heartbeat": "A worker without heartbeats faults its session.",
    "session.id-opaque": "Each session has an id of its own.",
    "session.only-ready": "Only a Ready session takes commands and event streams.",
    "session.unknown": "A session that is not known is NOT_FOUND.",
    "session.missing-id": "A request without a session id is INVALID_ARGUMENT.",
    "session.faulted-final": "A faulted session stays faulted.",
    "session.lease": "A session without calls and streams is closed when its lease ends.",
    "session.lease-extended": "Every unary call extends the lease.",
    "session.stream-keeps": "An attached event stream keeps its session alive.",
    "session.detach-grace": "After its last stream a session stays Ready for the detach grace.",
    "session.reattach": "A stream that comes back within the detach grace keeps the session.",
    "session.grace-off": "A detach grace of 0 leaves only the lease.",
    "session.reasons": "A session that was closed says why: its client, lease, grace or gateway.",
    "session.close-idempotent": "CloseSession returns the final state, also when called again.",
    "session.limit": "One session too many is RESOURCE_EXHAUSTED.",
    "session.pending-limit": "One pending command too many fails at once.",
    "session.defaults": "The limits and times are those of the gateway unless set otherwise.",
    "session.not-restored": "Sessions do not outlive a restart of the gateway.",
    # 4: commands
    "command.two-layers": "What MXAccess refuses is a normal reply with MXACCESS_FAILURE.",
    "command.hresult": "A refusal carries its HRESULT and its statuses.",
    "command.kind": "Answers are read by kind; a payload of another kind is INVALID_ARGUMENT.",
    "command.in-order": "The commands of a session run one after another, in their order.",
    "command.timeout": "A command that takes too long is DEADLINE_EXCEEDED, and runs on.",
    "command.correlation": "The correlation id is echoed, or filled in where it was empty.",
    "command.cancel-goes-on": "Cancelling a call does not stop the command.",
    "command.diagnostics": "Ping, GetSessionState and GetWorkerInfo answer.",
    "command.drain": "DrainEvents takes what waits for a stream, at most as many as asked.",
    "command.shutdown": "A session whose worker was shut down takes no more commands.",
    "write.completion": "Write answers when it is accepted; OnWriteComplete tells the outcome.",
    "write.one-completion": "Every accepted write has one completion that counts, in their order.",
    "write.advise-first": "A write to an item that is not advised is E_INVALIDARG.",
    "write.user-supervisory": "The user id of a plain write counts on a supervisory advise only.",
    # 5: statuses
    "status.invalid-argument": "A request that breaks the contract is INVALID_ARGUMENT.",
    "status.not-found": "What is not known, a session or a root, is NOT_FOUND.",
    "status.already-exists": "What may exist once only is ALREADY_EXISTS: an event stream.",
    "status.permission-denied": "What a key may not do, or may not touch, is PERMISSION_DENIED.",
    "status.resource-exhausted": "What is above a limit or overflows is RESOURCE_EXHAUSTED.",
    "status.deadline-exceeded": "A deadline that passed is DEADLINE_EXCEEDED.",
    "status.cancelled": "A call that its client cancels harms neither stream nor session.",
    "status.unavailable": "Streams of a session whose worker has died end with UNAVAILABLE.",
    "status.shutdown": "A gateway that ends lets its streams end with UNAVAILABLE.",
    "status.failed-precondition": "A session that is not Ready is FAILED_PRECONDITION.",
    # 6: events
    "events.order": "Events come in the worker's order.",
    "events.contiguous": "worker_sequence begins with 1 in every session and has no holes.",
    "events.families": "Every family comes with its own body.",
    "events.one-stream": "A second event stream of a session is ALREADY_EXISTS.",
    "events.shared": "Where sharing is on, a session has up to eight streams.",
    "events.shared-limit": "One stream more than are allowed to share is RESOURCE_EXHAUSTED.",
    "events.overflow": "A queue that overflows ends the stream, and by default the session.",
    "events.overflow-shared": "Where streams share, or by policy, only the slow stream ends.",
    "events.fresh": "A stream that starts with 0 replays nothing.",
    "events.unsent": "What comes while no stream is open waits for the next one (a setting).",
    "events.resume": "A resumed stream brings what came after, without gap or duplicate.",
    "events.ring": "The ring keeps so many events for so long: 1024 and 300 s by default.",
    "events.gap": "Where that is not kept, one sentinel comes first, then what is kept.",
    "events.gap-shape": "The sentinel has no family, no body, no item; its limits are exclusive.",
    "events.gap-edge": "Resuming right before the oldest event brings no sentinel.",
    "events.drain-no-gap": "DrainEvents never tells a gap.",
    "events.close": "Closing the session ends its stream with OK.",
    "events.three-clocks": "An event has the times of source, worker and gateway.",
    "events.operation-complete": "OperationComplete comes only where it is native.",
    # 7: values
    "value.integer": "Integers arrive as int32_value with data type Integer.",
    "value.timestamp": "A FILETIME with the hint of Time arrives as a timestamp.",
    "value.raw": "A VARIANT without a projection is raw bytes with a diagnostic.",
    "value.null": "A tag without a value is null, with its quality.",
    "value.null-wins": "is_null wins over an empty kind; a null cannot be written.",
    "value.array-whole": "Writing an array replaces all of it.",
    "value.array-brackets": "The AddItem commands append `[]` to the bare name of an array.",
    "value.array-element": "`[n]` is the element counted from 1.",
    "value.sparse-reset": "A sparse write resets the elements that it does not list.",
    "value.sparse-index": "A sparse index is below total_length, else INVALID_ARGUMENT.",
    "value.sparse-element": "A sparse element is one scalar of the element type, given once.",
    "value.sparse-written-only": "No event and no read has a sparse array.",
    "value.secret": "Secured values and passwords stand in no log and no audit.",
    # 8: bulk
    "bulk.order": "Bulk results come in the order of the entries, one each.",
    "bulk.entry-fails": "An entry that fails is a failed result, never a failed call.",
    "bulk.one-command": "A bulk command is one command; its entries run one after another.",
    "bulk.read-cached": "ReadBulk answers an advised tag from the cache.",
    "bulk.read-leaves-nothing": "ReadBulk leaves the session as it was.",
    "bulk.read-timeout": "A tag that has no value in time is a failed result.",
    "bulk.read-default": "A timeout of 0 is that of the worker.",
    "bulk.secured-users": "Secured bulk writes have their users in each entry.",
    # 9: alarms
    "alarm.feed-order": "The feed has the alarms, snapshot_complete, then the provider's status.",
    "alarm.older-gateway": "Older gateways tell no provider.",
    "alarm.transitions": "Then raise, acknowledge and clear follow as they happen.",
    "alarm.retrigger": "An alarm that comes again unacknowledged is a retrigger.",
    "alarm.prefix": "The filter is the beginning of the reference.",
    "alarm.sessionless": "The alarm calls need no session.",
    "alarm.acknowledge": "An acknowledged alarm is active-acked and keeps user and comment.",
    "alarm.acknowledge-guid": "A GUID acknowledges as well as a reference.",
    "alarm.acknowledge-refused": "What is not there is refused by the HRESULT; `status` is empty.",
    "alarm.acknowledge-subtag": "In the subtag mode a refusal is FAILED_PRECONDITION.",
    "alarm.reference-form": "What is neither Provider!Group.Tag nor a GUID is INVALID_ARGUMENT.",
    "alarm.cleared-gone": "A cleared alarm is in no snapshot.",
    "alarm.degraded": "In the subtag mode every message is marked as degraded.",
    "alarm.provider-status": "Failover and failback are told in the feed.",
    "alarm.failover": "Three failures lead to the subtag mode, three good probes 30 s apart back.",
    "alarm.severity": "Severity is the native priority, not scaled.",
    "alarm.session-events": "A session that subscribes to alarms gets them as events.",
    "alarm.disabled": "Where the monitor is off, alarm calls are FAILED_PRECONDITION.",
    # 10: galaxy
    "galaxy.test-connection": "A database that does not answer is ok = false, not an error.",
    "galaxy.pages": "Pages hold at most what was asked for; the last one has an empty token.",
    "galaxy.page-sizes": "BrowseChildren gives 500 to a page unless asked, and 5000 at most.",
    "galaxy.token-stale": "A page token does not outlive a deploy: INVALID_ARGUMENT.",
    "galaxy.token-bound": "A page token of other filters or another root is INVALID_ARGUMENT.",
    "galaxy.token-opaque": "A token that was not given out is INVALID_ARGUMENT.",
    "galaxy.filters": "Filters are ANDed; the count is that of what passes.",
    "galaxy.glob": "The tag-name glob is for the whole name and ignores case.",
    "galaxy.depth": "max_depth 0 is the root alone, unset is no limit.",
    "galaxy.attributes": "Attributes are left out only where include_attributes is false.",
    "galaxy.native-type": "mx_data_type is the native number, not that of MxDataType.",
    "galaxy.tag-reference": "full_tag_reference is built of tag names, with `[]` for an array.",
    "galaxy.area": "Category 13 is an area.",
    "galaxy.builtins": "Built-in attributes are listed too, without flags (a setting).",
    "galaxy.children-order": "Children come areas first, then by name.",
    "galaxy.children-hint": "child_has_children runs parallel to children.",
    "galaxy.not-found": "An unknown root or parent is NOT_FOUND.",
    "galaxy.watch": "WatchDeployEvents tells the state at once, then each deploy.",
    "galaxy.watch-seen": "The state that was seen already is not told again.",
    "galaxy.watch-dropped": "What a slow watcher does not take is dropped; the sequence jumps.",
    "galaxy.watch-restart": "The sequence begins again with the gateway.",
    "galaxy.cache-unloaded": "While the cache is not loaded, calls are UNAVAILABLE.",
    # MXAccess reference 1: the methods
    "mx.handles": "Handles are never 0; those of another registration are E_INVALIDARG.",
    "mx.first-handles": "The first server handle and the first item handle are 1.",
    "mx.removed-handle": "A handle that was removed is E_INVALIDARG.",
    "mx.register-name": "A session may register several times.",
    "mx.misspelt-handle": "A reference that leads nowhere gets a handle and fails when advised.",
    "mx.advise-again": "Advising again brings no second first value.",
    "mx.un-advise-unadvised": "Un-advising what is not advised succeeds.",
    "mx.remove-advised": "Removing an advised item un-advises it.",
    "mx.un-advise-stops": "After UnAdvise no data change comes.",
    "mx.unregister": "Unregister ends a registration and all its items.",
    "mx.write-before-value": "A write before the first data change is E_INVALIDARG.",
    "mx.write-in-flight": "A completion is lost when its item was un-advised meanwhile.",
    "mx.write-time": "Write2 gives the value the time of its caller.",
    "mx.context": "The context of AddItem2 gives `Me` its meaning.",
    "mx.empty-context": "AddItem2 with an empty context is AddItem.",
    "mx.suspend": "A suspended item sends nothing; Activate lets it go on.",
    "mx.suspend-unadvised": "Suspend of an unadvised item is OK with an OperationalError.",
    "mx.activate-running": "Activate of an item that runs succeeds.",
    "mx.buffered": "A buffered item sends its values in batches.",
    "mx.buffered-interval": "The interval counts for all buffered items of a registration.",
    "mx.buffered-supervisory": "A buffered item may have a supervisory advise.",
    "mx.login": "AuthenticateUser gives an id that is not 0, and refuses a wrong login.",
    "mx.login-open": "In a galaxy without security every login has the same id, not 0.",
    "mx.login-windows": "With Windows security a bad login is E_INVALIDARG.",
    "mx.user-guid": "ArchestrAUserToId gives an id for the GUID of a user.",
    "mx.hresult": "A refusal may have any HRESULT: no licence, out of memory, runtime gone.",
    # 2: events
    "mx.first-value": "The first data change follows the advise.",
    "mx.change-only": "Data changes come when value or quality change.",
    "mx.one-status": "`statuses` has one element; its success is -1 where the value is usable.",
    "mx.failed-change": "A failing data change is null, with quality 0 and a failing status.",
    "mx.frozen": "After an engine stopped, the last good value may go on being served.",
    "mx.attribute-list": "`<object>._Attributes` lists the names of its attributes.",
    "mx.pending-first": "A completion Pending may come before the one that counts.",
    # 3: types
    "mx.coercion": "What can be converted is written; what cannot fails in the completion.",
    "mx.types": "Every type travels in its own member, with its VARIANT tag.",
    "mx.arrays": "Every type that has arrays travels in its own array, with one dimension.",
    "mx.enum": "A QualifiedEnum is its label; Boolean cannot be written to it.",
    "mx.enum-ordinal": "`.#EnumOrdinal` is the number behind a QualifiedEnum.",
    # 4: statuses
    "mx.unresolved": "An unresolved name is a ConfigurationError with detail 6.",
    "mx.bare-array": "The bare name of an array fails with detail 1003 where nothing appends `[]`.",
    "mx.status-raw": "The raw members of a status hold the numbers of the contract.",
    "mx.host-stopped": "What a stopped engine serves fails with detail 5, a platform's with 2.",
    "mx.no-answer": "What nothing answers for fails with detail 1.",
    "mx.wrong-type": "A value of the wrong type is an OperationalError with detail 902.",
    "mx.not-writable": "A write to what nobody may write fails in the completion.",
    # 5: quality
    "mx.quality": "A data change has the OPC DA quality of its tag.",
    "mx.quality-initial": "Before the first value the quality is 32, with a null.",
    "mx.quality-undeployed": "What is no longer deployed is null with quality 0.",
    "mx.quality-off-scan": "Off scan, by its own command or its host's, the quality is 28.",
    "mx.quality-kept": "Every substatus, limit and vendor bit of a quality arrives as it is.",
    # 6: security
    "mx.secured-needed": "Write to a secured attribute completes with detail 1012.",
    "mx.verified-needed": "Write to a verified attribute completes with detail 1013.",
    "mx.secured-write": "WriteSecured by a user who signed in writes a secured attribute.",
    "mx.verified-write": "A verified attribute takes two different users.",
    "mx.supervisory-bypass": "On a supervisory advise nobody has to sign in.",
    "mx.secured-on-plain": "WriteSecured where no sign-in is asked for is 0x80004021.",
    "mx.permission": "Who lacks the permission of a class fails with detail 321.",
    "mx.security-group": "A permission is for the objects of some security groups, or of all.",
    "mx.view-only": "ViewOnly is never writable, FreeAccess always.",
    "mx.open-galaxy": "In a galaxy without security classes do not count, but for ViewOnly.",
    # 7 and 8: categories and references
    "mx.category": "The category says who may write: the user, the application, both or nobody.",
    "mx.locked": "A locked attribute is a constant.",
    "mx.hidden": "Attributes of the package or of the system alone lead nowhere.",
    "mx.object-category": "The category of an object is that of its base template.",
    "mx.builtin": "Every object has its built-in attributes.",
    "mx.suffix": "An attribute gains suffixes with its features: alarm, history, text.",
    "mx.case": "References ignore case.",
    "mx.element-zero": "Element 0 of an array is no valid reference.",
    "mx.whole-array": "`[]` and `[-1]` are the whole array.",
    "mx.contained-name": "A path of contained names leads to the same point as the tag name.",
    "mx.relative": "Me, MyContainer, MyArea, MyHost, MyEngine and MyPlatform go by the context.",
    "mx.relative-alone": "Without a context a relative name is invalid.",
    "mx.relative-inside": "Contained names may follow MyContainer and MyArea only.",
    "mx.default-attribute": "An object alone means its `.PV`; not where that is an array.",
    "mx.property": "Properties of an attribute are values of their own.",
    "mx.bit": "`.00` to `.31` are the bits of an Integer, and writable.",
    "mx.spelt-out": "ATTRIBUTE(name) and PROPERTY(name) spell out an ambiguous part.",
    "mx.reserved": "Relative words and System name no object, properties no attribute.",
    "mx.name-length": "Identifiers have up to 32 characters, attribute names up to 329.",
    "mx.intouch": "`InTouch:tag` leads nowhere.",
    # 9: alarms
    "mx.alarm-reference": "A reference is Galaxy!area.object.attribute.",
    "mx.alarm-provider": "Where the platform was set so, references begin with Galaxy_<name>.",
    "mx.alarm-boolean": "A Boolean with an alarm is in alarm while it is true.",
    "mx.alarm-group": "The group is the object's area; inside a container the container's.",
    "mx.alarm-limit": "A limit alarm adds its limit's name; off past the deadband.",
    "mx.alarm-priority": "The priority is 1 to 999, the most urgent 1; 0 is shown as 1.",
    "mx.alarm-message": "The text is the condition's, else the attribute's, else the object's.",
    "mx.alarm-query": "A native query names areas, with all below them, and may filter.",
    "mx.alarm-comment": "A comment written to `.AckMsg` acknowledges, an empty or equal one too.",
    "mx.alarm-again": "A new occurrence resets `.Acked`.",
    "mx.alarm-disabled": "Disabled, `.InAlarm` is false and Good whatever the process does.",
    "mx.alarm-unusable": "Without a usable value an alarm stays as it is.",
    "mx.subtag-identity": "In the subtag mode the GUID is a hash of the reference.",
    "mx.subtag-poorer": "It begins when it is first seen, and has no operator, value or limit.",
    "mx.subtag-acknowledge": "There, acknowledging needs an `.AckMsg` to write to.",
}


# Where tests stand that drive one of the two gateways.
_BOTH = "both_gateways/"
_CCORE = ("interop/", "alarms/test_alarm_ccore.py")
_SIMULATOR = ("simulator/", "alarms/", "galaxy/")


def shown_by(place: str) -> frozenset[str]:
    """Return which gateways a test shows obeying a rule: "simulator", "c-core" or both."""
    if place.startswith(_BOTH):
        return frozenset({"simulator", "c-core"})
    if place.startswith(_CCORE):
        return frozenset({"c-core"})
    return frozenset({"simulator"}) if place.startswith(_SIMULATOR) else frozenset()


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
