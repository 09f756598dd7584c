"""ReadBulk: the values of tags, one after another (gateway semantics, section 8).

A tag that is added and advised already is answered from what the worker knows. Any
other is added, awaited and removed again; this sends no events, and nothing is left of
it but the item handles that were used up. A buffered, suspended or not yet answered
item is no cache.
"""

from __future__ import annotations

from typing import Any

from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import BulkReadReply, BulkReadResult, MxCommandReply
from mxgateway.simulator.call import Call
from mxgateway.simulator.clock import pause
from mxgateway.simulator.commands.items import add
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.parts import look, refusal
from mxgateway.simulator.references import Target
from mxgateway.simulator.replies import MxAccessFailure, find_registration, ok, reason_of
from mxgateway.simulator.status import OK_STATUS
from mxgateway.simulator.variant import NO_DATA, to_message

__all__ = ["read_bulk"]


async def read_bulk(call: Call, command: Any) -> MxCommandReply:
    """Read tags; a failure is a result, never a failed call."""
    registration = call.session.registrations.get(command.server_handle)
    cache = {} if registration is None else _cached(registration)
    timeout = command.timeout_ms / 1000 or call.gateway.settings.read_timeout
    results = []
    for tag in command.tag_addresses:
        result = BulkReadResult(server_handle=command.server_handle, tag_address=tag)
        results.append(result)
        try:
            registration = find_registration(call.session, command.server_handle)
            await _read(call, registration, cache, result, timeout)
        except (MxAccessFailure, GRPCError) as failure:
            result.error_message = reason_of(failure)
    return ok(read_bulk=BulkReadReply(results=results))


def _cached(registration: Registration) -> dict[str, Item]:
    return {
        item.definition.lower(): item
        for item in registration.items.values()
        if item.has_value and not (item.suspended or item.buffered or item.context)
    }


async def _read(
    call: Call,
    registration: Registration,
    cache: dict[str, Item],
    result: BulkReadResult,
    timeout: float,
) -> None:
    tag = result.tag_address
    call.require_read(tag)
    item = cache.get(tag.lower())
    if item is not None:
        result.was_cached = True
        result.item_handle = item.handle
        _fill(call, result, item.target)
        return
    item = add(call, registration, tag, normalises=False)
    try:
        delay = call.gateway.settings.first_value_delay
        if delay:
            call.gateway.audit.changed()
            await pause(call.gateway.clock, min(delay, timeout))
        if delay > timeout:
            raise MxAccessFailure(f"no value of {tag} within {timeout * 1000:g} ms")
        target = call.gateway.references.resolve(item.definition)
        _fill(call, result, target)
    finally:
        if call.session.holds(item):
            call.session.remove_item(registration, item)


def _fill(call: Call, result: BulkReadResult, target: Target) -> None:
    """Enter what a data change would say now."""
    seen = None if target.tag is None else look(target)
    if seen is None or target.tag is None:
        status = refusal(target)
        result.value = to_message(NO_DATA, None)
        result.source_timestamp = call.gateway.clock()
        result.statuses = [status]
        result.error_message = f"{result.tag_address}: {status.diagnostic_text}"
        return
    result.was_successful = True
    result.value = to_message(seen.info, seen.value)
    result.quality = seen.quality
    result.source_timestamp = target.tag.timestamp
    result.statuses = [OK_STATUS]
