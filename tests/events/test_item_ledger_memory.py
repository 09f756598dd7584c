"""What a session remembers of items does not grow with the items that come and go."""

from __future__ import annotations

import gc

from events.scripted_events import change

from mxgateway.commands import command
from mxgateway.events import DataChange
from mxgateway.generated.mxaccess_gateway.v1 import (
    AdviseCommand,
    BulkSubscribeReply,
    MxCommandReply,
    RemoveItemCommand,
    SubscribeResult,
    UnAdviseItemBulkCommand,
)
from mxgateway.session.item_state import ItemState
from mxgateway.session.ledger import Ledger

COUNT = 25_000


def _advise(ledger: Ledger, item: int) -> None:
    advise = command(AdviseCommand(server_handle=1, item_handle=item))
    ledger.before(advise)
    ledger.after(advise, MxCommandReply(kind=advise.kind))


def _remove(ledger: Ledger, item: int) -> None:
    remove = command(RemoveItemCommand(server_handle=1, item_handle=item))
    ledger.after(remove, MxCommandReply(kind=remove.kind))


def test_values_that_come_after_the_removal_keep_no_item_for_ever() -> None:
    before = _states()  # of sessions that other tests left to the collector
    ledger = Ledger()
    for item in range(1, COUNT + 1):
        _advise(ledger, item)
        _remove(ledger, item)
        ledger.feed(DataChange(change(item, item=item)), 100)
    assert _states() - before <= 10_001


def _states() -> int:
    return sum(isinstance(each, ItemState) for each in gc.get_objects())


def test_a_handle_that_is_used_again_keeps_the_value_that_came_before_the_reply() -> None:
    ledger = Ledger()
    _advise(ledger, 7)
    _remove(ledger, 7)
    ledger.feed(DataChange(change(1, item=7)), 100)
    _advise(ledger, 7)
    assert ledger.item((1, 7)).seen


def test_a_result_without_its_handle_is_about_the_item_that_the_command_named() -> None:
    ledger = Ledger()
    _advise(ledger, 7)
    payload = UnAdviseItemBulkCommand(server_handle=1, item_handles=[6, 7])
    un_advise = command(payload)
    results = [SubscribeResult(was_successful=False), SubscribeResult(was_successful=True)]
    reply = MxCommandReply(kind=un_advise.kind)
    reply.un_advise_item_bulk = BulkSubscribeReply(results=results)
    ledger.after(un_advise, reply)
    assert ledger.item((1, 7)).advised is False
