"""Callbacks whose time has come, in the order in which they came: those of one line (a request's,
or those of events) run one after the other, whichever threads run them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from threading import get_ident
from typing import NamedTuple

from ._errors import VapiError
from ._requests import Line, Outstanding
from ._views import Lent


class Turn(NamedTuple):
    """One of them; without a request, an event."""

    place: int
    request: Outstanding | None
    number: int
    lent: Lent | None
    error: VapiError | None
    is_last: bool


class Turns:
    """All that wait. The caller holds a lock around each method."""

    def __init__(self) -> None:
        self.events: Line[Turn] = Line()
        #: Of them, last ones of requests.
        self.last = 0
        self._next = 0
        #: The first of each line that nobody runs, by place; some are out of date.
        self._first: list[tuple[int, Line[Turn]]] = []
        #: By thread: the lines whose callbacks it is in, the innermost last.
        self._inside: dict[int, list[Line[Turn]]] = {}
        #: What lies in VPP's memory, oldest first; some have had their turn.
        self._unsettled: deque[Turn] = deque()

    def add(
        self,
        request: Outstanding | None,
        number: int,
        lent: Lent | None,
        error: VapiError | None = None,
        *,
        is_last: bool = False,
    ) -> None:
        """Another one, behind all others."""
        line = self._line(request)
        turn = Turn(self._next, request, number, lent, error, is_last)
        self._next += 1
        self.last += is_last
        line.turns.append(turn)
        if len(line.turns) == 1 and not line.thread:
            heappush(self._first, (turn.place, line))
        if lent is not None and lent.is_slot:
            self._unsettled.append(turn)

    def next(self, request: Outstanding | None) -> Line[Turn] | None:
        """The line of the first whose predecessors have returned.

        A callback that dispatches gets those behind it as well, and so it does when it waits for
        its own `request`; not when it waits for another: each that did so would run in the last.
        """
        first, found = self._first, None
        while first and found is None:
            place, line = first[0]
            if line.thread or not line.turns or line.turns[0].place != place:
                heappop(first)
            else:
                found = line
        for line in self._inside.get(get_ident(), ()):
            if (
                line.turns
                and (request is None or line is request.line)
                and (found is None or line.turns[0].place < found.turns[0].place)
            ):
                found = line
        return found

    def begin(self, line: Line[Turn]) -> tuple[Turn, int]:
        """This thread runs the first of a line: that, and what `end` is to be told."""
        me = get_ident()
        turn = line.turns.popleft()
        self.last -= turn.is_last
        if self._unsettled and self._unsettled[0] is turn:
            self._unsettled.popleft()
        before, line.thread = line.thread, me
        self._inside.setdefault(me, []).append(line)
        return turn, before

    def end(self, line: Line[Turn], before: int) -> None:
        """It has returned."""
        me = get_ident()
        inside = self._inside[me]
        inside.pop()
        if not inside:
            del self._inside[me]
        line.thread = before
        if line.turns and not before:
            heappush(self._first, (line.turns[0].place, line))

    def drop(self, request: Outstanding) -> Iterator[Turn]:
        """None of a request any more: those that waited."""
        turns = request.line.turns
        while turns:
            turn = turns.popleft()
            self.last -= turn.is_last
            yield turn

    def settle(self) -> None:
        """None of them occupies VPP's memory any more."""
        while self._unsettled:
            turn = self._unsettled.popleft()
            waiting = self._line(turn.request).turns
            if turn.lent is not None and waiting and waiting[0].place <= turn.place:
                turn.lent.settle()

    def _line(self, request: Outstanding | None) -> Line[Turn]:
        return self.events if request is None else request.line
