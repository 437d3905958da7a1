"""Whose callback is next, without messages."""

from __future__ import annotations

from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

from vapi_cffi._requests import Line, Outstanding
from vapi_cffi._turns import Turns


def request() -> Outstanding:
    return cast("Outstanding", SimpleNamespace(line=Line()))


class Kept:
    """A message that lies in VPP's memory until it is settled."""

    is_slot = True
    settled = 0

    def settle(self) -> None:
        self.settled += 1


def run(turns: Turns, wanted: Outstanding | None = None) -> int | None:
    """The number of the next callback, which returns at once."""
    line = turns.next(wanted)
    if line is None:
        return None
    turn, before = turns.begin(line)
    turns.end(line, before)
    return turn.number


def elsewhere(turns: Turns, wanted: Outstanding | None = None) -> int | None:
    """The same in another thread."""
    found: list[int | None] = []
    thread = Thread(target=lambda: found.append(run(turns, wanted)))
    thread.start()
    thread.join(10)
    return found[0]


def test_they_come_in_order() -> None:
    turns, one, two = Turns(), request(), request()
    for number, asked in enumerate([one, None, two, one, None]):
        turns.add(asked, number, None, is_last=number == 3)
    assert turns.last == 1
    assert [run(turns) for _ in range(6)] == [0, 1, 2, 3, 4, None]
    assert turns.last == 0


def test_those_of_one_line_wait_for_each_other() -> None:
    turns, one, two = Turns(), request(), request()
    for number, asked in enumerate([one, one, two, one]):
        turns.add(asked, number, None)
    line = turns.next(None)
    assert line is not None
    turn, before = turns.begin(line)
    assert turn.number == 0
    assert elsewhere(turns) == 2
    assert elsewhere(turns) is None
    turns.end(line, before)
    assert elsewhere(turns) == 1
    assert run(turns) == 3


def test_a_callback_that_dispatches_gets_what_is_behind_it() -> None:
    """When it takes anything or waits for its own request, and not when it waits for another."""
    turns, one, two = Turns(), request(), request()
    for number, asked in enumerate([one, one, one, two, one]):
        turns.add(asked, number, None)
    line = turns.next(None)
    assert line is not None
    _, before = turns.begin(line)
    assert run(turns) == 1
    assert run(turns, one) == 2
    assert run(turns, two) == 3
    assert run(turns, two) is None
    turns.end(line, before)
    assert run(turns, two) == 4
    assert run(turns) is None


def test_what_is_dropped_has_no_turn() -> None:
    turns, one = Turns(), request()
    turns.add(one, 0, None)
    turns.add(one, 1, None, is_last=True)
    turns.add(None, 2, None)
    assert [turn.number for turn in turns.drop(one)] == [0, 1]
    assert turns.last == 0
    assert run(turns) == 2
    turns.add(one, 3, None)
    assert run(turns) == 3


def test_only_what_waits_is_settled() -> None:
    turns, one = Turns(), request()
    lent: list[Any] = [Kept() for _ in range(3)]
    for number, message in enumerate(lent):
        turns.add(one, number, message)
    line = turns.next(None)
    assert line is not None
    _, before = turns.begin(line)
    turns.settle()
    turns.settle()
    turns.end(line, before)
    assert [message.settled for message in lent] == [0, 1, 1]
