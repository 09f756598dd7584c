"""Whatever a plant does and however often the feed breaks, the book ends as the plant stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from alarms.feed_messages import COMPLETE, snapshot, transition
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import AlarmBook, AlarmChangeKind, AlarmFeedMessage
from mxgateway.generated.mxaccess_gateway.v1 import AlarmConditionState, AlarmTransitionKind

Kind = AlarmTransitionKind
State = AlarmConditionState

ALARMS = tuple(f"Galaxy!Area.Tank_00{number}.Level.Hi" for number in range(2))


@dataclass
class Occurrence:
    raised: int
    last: int
    acked: bool = False


@dataclass
class Plant:
    """What is really in alarm, and all that ever happened."""

    now: int = 0
    active: dict[str, Occurrence] = field(default_factory=dict)
    unacked: set[str] = field(default_factory=set)
    history: list[AlarmFeedMessage] = field(default_factory=list)

    def do(self, act: str, reference: str) -> list[AlarmFeedMessage]:
        """Let something happen, if it can; return what a feed says about it."""
        self.now += 1
        occurrence = self.active.get(reference)
        if act == "raise" and occurrence is None:
            kind = Kind.RETRIGGER if reference in self.unacked else Kind.RAISE
            occurrence = self.active[reference] = Occurrence(self.now, self.now)
            self.unacked.add(reference)
        elif act == "ack" and occurrence is not None and not occurrence.acked:
            kind, occurrence.acked = Kind.ACKNOWLEDGE, True
            self.unacked.discard(reference)
        elif act == "clear" and occurrence is not None:
            kind = Kind.CLEAR
            del self.active[reference]
        else:
            return []
        occurrence.last = self.now
        message = transition(kind, reference, raised=occurrence.raised, time=self.now)
        self.history.append(message)
        return [message]

    def snapshot(self) -> list[AlarmFeedMessage]:
        """What a feed begins with."""
        return [
            *(
                snapshot(
                    reference,
                    State.ACTIVE_ACKED if each.acked else State.ACTIVE,
                    raised=each.raised,
                    last=each.last,
                )
                for reference, each in self.active.items()
            ),
            COMPLETE,
        ]

    def stands(self) -> dict[str, bool]:
        """Whether each active alarm is acknowledged."""
        return {reference: each.acked for reference, each in self.active.items()}


def shown(book: AlarmBook) -> dict[str, bool]:
    """The same of a book."""
    return {alarm.reference: alarm.acked for alarm in book.active}


ACTS = st.tuples(st.sampled_from(["raise", "raise", "ack", "clear"]), st.sampled_from(ALARMS))
BREAK = st.tuples(st.just("break"), st.just(""))
# How many transitions a new feed repeats although its snapshot has them already.
CONNECT = st.tuples(st.just("connect"), st.sampled_from([4, 2, 6, 1, 0]))


@settings(max_examples=150)
@given(st.lists(ACTS | CONNECT | BREAK, min_size=10, max_size=60))
def test_the_book_equals_the_plant(steps: list[tuple[str, str | int]]) -> None:
    plant, book = Plant(), AlarmBook()
    # Who only listens to the changes has to know the same.
    heard: dict[str, bool] = {}
    connected = False

    def tell(messages: list[AlarmFeedMessage]) -> None:
        for message in messages:
            for change in book.apply(message):
                if change.alarm is None:
                    continue
                reference = change.alarm.reference
                known = heard.get(reference)
                if change.kind == AlarmChangeKind.CLEARED:
                    assert known is not None, "cleared what was never reported"
                    del heard[reference]
                else:
                    assert (change.previous is None) is (known is None)
                    heard[reference] = change.alarm.acked

    for act, argument in steps:
        if act == "break":
            connected = False
        elif act == "connect":
            assert isinstance(argument, int)
            book.begin()
            tell(plant.snapshot())
            assert shown(book) == plant.stands()
            for repeated in plant.history[len(plant.history) - argument :]:
                tell([repeated])
                assert plant.stands().items() <= shown(book).items()
            connected = True
        else:
            messages = plant.do(act, str(argument))
            if connected:
                tell(messages)
        if connected:
            assert shown(book) == plant.stands() == heard
