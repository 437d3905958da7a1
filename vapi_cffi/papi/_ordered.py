"""Receiving in order: what VPP sent before an answer is handled before that answer is returned.

In vpp_papi one thread reads everything, so programs may count on it that the callback has seen an
event when the reply that came after it is there. Here whoever waits receives for all (`_hub`), and
a call waits for the thread of the callback to be done with what came before its answer. That costs
a change of threads for each event, and nothing where there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from threading import Condition, current_thread
from time import monotonic
from typing import Any

from .._collecting import Packed, Question, pack
from .._connection import Connection
from .._errors import ConnectionLost, NotConnected, Timeout
from .._hub import Hub, Mailbox

#: Messages without a reader that are kept at most; the oldest ones go.
_MAX_KEPT = 65536
#: Seconds after a call in which the callback's thread leaves receiving to the next one.
_LULL = 0.01


class _CallsAreMade(Exception):
    """Ends a wait of the callback's thread."""


class _Answers(Set[bytes]):
    """Numbers of messages: of the one that is expected, and of all others that could answer."""

    def __init__(self, expected: bytes, is_answer: Callable[[bytes], bool]) -> None:
        self._expected = expected
        self._is_answer = is_answer

    def __contains__(self, number: object) -> bool:
        return number == self._expected or (isinstance(number, bytes) and self._is_answer(number))

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._expected,))

    def __len__(self) -> int:
        return 1


class Ordered(Hub):
    """A hub that keeps what nobody waits for, and counts what was handled of it."""

    def __init__(
        self, connection: Connection, *, timeout: float, is_answer: Callable[[bytes], bool]
    ) -> None:
        super().__init__(connection, timeout=timeout)
        self._is_answer = is_answer
        self.rest = Mailbox(())
        self.beside = self._keep
        self._kept = self._handled = 0
        self._done = Condition()
        self._reader: Any = None
        self._last_call = 0.0

    def _keep(self, data: bytes) -> bool:
        """What no call waits for."""
        rest = self.rest
        rest.items.append(data)
        self._kept += 1
        if len(rest.items) > _MAX_KEPT:
            rest.items.popleft()
            self._handled += 1
        rest.wake.set()
        return True

    # ---- the callback's thread -----------------------------------------------------------------

    def next_for_callback(self, timeout: float) -> bytes | None:
        """The next message that nobody waits for, None if none comes in time or VPP is gone. The
        caller says `handled` when it is done with it."""
        self._reader = current_thread()
        rest = self.rest
        deadline = monotonic() + timeout
        while not rest.items:
            quiet = monotonic() - self._last_call
            if quiet < _LULL:
                # A program that calls receives for itself, and wakes this thread where needed.
                rest.wake.clear()
                if not rest.items:
                    rest.wake.wait(_LULL)
            try:
                if quiet >= _LULL:
                    left = max(min(deadline - monotonic(), timeout), 0.0)
                    self.wait(rest, left, self._receive_for_callback)
            except _CallsAreMade:
                continue
            except (Timeout, ConnectionLost, NotConnected):
                return None
            if rest.error is not None or monotonic() > deadline:
                break
        try:
            return rest.items.popleft()
        except IndexError:
            return None

    def _receive_for_callback(self, timeout: float) -> None:
        """One batch; then a program that has begun to call receives for itself, which saves it two
        changes of threads for each answer."""
        self._receive(timeout)
        if not self.rest.items and monotonic() - self._last_call < _LULL:
            raise _CallsAreMade

    def handled(self) -> None:
        """One message less."""
        with self._done:
            self._handled += 1
            self._done.notify_all()

    def _settle(self) -> None:
        """Waits until the callback has seen what came until now; not for ever, should it hang."""
        kept = self._kept
        if self._handled >= kept or self._reader is None or current_thread() is self._reader:
            return
        with self._done:
            self._done.wait_for(lambda: self._handled >= kept, min(self.timeout, 60.0))

    # ---- who calls -----------------------------------------------------------------------------

    def call(self, data: bytes, number: int, offset: int, timeout: float | None) -> bytes:
        """A request and its answer: whatever has its context, and is no event."""
        expected = number.to_bytes(2, "big")
        box = self.open((expected,), (offset,))
        box.ids = _Answers(expected, self._is_answer)
        connection = self.connection
        try:
            self._last_call = monotonic()
            connection.send_bytes(data[:2] + connection.client_index + box.context + data[10:])
            self.wait(box, timeout)
            answer = box.items.popleft()
        finally:
            self.close(box)
        self._settle()
        return answer

    def answer_behind(self, event: bytes, timeout: float | None) -> bytes:
        """The answer that comes behind an event with the same four bytes in its head."""
        box = Mailbox((), event[2:6])
        box.ids = _Answers(b"", self._is_answer)
        with self._lock:
            self._pending[box.context] = box
        try:
            self.wait(box, timeout)
            return box.items.popleft()
        finally:
            self.close(box)

    def collect(
        self, question: Question, pings: Mapping[str, int], timeout: float | None
    ) -> tuple[Packed, bytes]:
        """A dump or stream: its details, packed as `Question` says, and the message that ended
        it."""
        details_id = question.details_id.to_bytes(2, "big")
        ids = (details_id, question.end_id.to_bytes(2, "big"))
        box = self.open(ids, (question.details_offset, question.end_offset))
        found: list[bytes] = []
        try:
            self._last_call = monotonic()
            self._send(question, box, pings)
            while not found or found[-1][:2] == details_id:
                self.wait(box, timeout)
                found += [box.items.popleft() for _ in range(len(box.items))]
        finally:
            self.close(box)
        end = found.pop()
        self._settle()
        return pack(question, found), end

    def _send(self, question: Question, box: Mailbox, pings: Mapping[str, int]) -> None:
        connection, data = self.connection, question.request
        head = connection.client_index + box.context
        request = data[:2] + head + data[10:]
        if not question.is_dump:
            connection.send_bytes(request)
            return
        ping = pings["control_ping"].to_bytes(2, "big") + head
        with connection.alloc(len(request)) as first, connection.alloc(len(ping)) as second:
            first.data[:] = request
            second.data[:] = ping
            connection.send2(first, second)
