"""The thread that answers for Python: takes requests from the peer in C, follows scripts."""

from __future__ import annotations

import errno
import heapq
import itertools
import logging
import time
from collections.abc import Iterable
from threading import Thread
from typing import TYPE_CHECKING, Any

from .._ffi import ffi, lib
from ._request import UNSPECIFIED, Request
from ._script import Step

if TYPE_CHECKING:
    from ._peer import Peer

log = logging.getLogger("vapi_cffi.sim")

_BATCH = 64
#: How long the thread stays in C before it looks at what was put off.
_POLL_NS = 100_000_000
#: Messages that cross into C together: a handler may answer with a hundred thousand.
_MESSAGES = 256


class Serving(Thread):
    """Ends when the peer stops. A thread of Python's, not of C's: it may run handlers."""

    def __init__(self, peer: Peer, handle: Any) -> None:
        super().__init__(name="vapi-peer", daemon=True)
        self._peer = peer
        self._handle = handle
        self._later: list[tuple[float, int, Step, Request, int]] = []
        self._order = itertools.count()

    def run(self) -> None:
        array = ffi.new("peer_request_t[]", _BATCH)
        while True:
            count = lib.peer_poll(self._handle, array, _BATCH, self._patience())
            if count < 0 and count != -errno.ETIMEDOUT:
                return
            taken = [(self._peer.request_of(array[i]), int(array[i].token)) for i in range(count)]
            lib.peer_release(array, max(count, 0))
            for request, token in taken:
                self._take(request, token)
            while self._later and self._later[0][0] <= time.monotonic():
                _, _, step, request, token = heapq.heappop(self._later)
                self._carry_out(step, request, token)

    def _patience(self) -> int:
        """How long to wait for requests, in ns: until what was put off is due."""
        if not self._later:
            return _POLL_NS
        return max(0, min(_POLL_NS, int((self._later[0][0] - time.monotonic()) * 1e9)))

    def _take(self, request: Request, token: int) -> None:
        step = self._peer.step_for(request)
        if step.delay:
            due = time.monotonic() + step.delay
            heapq.heappush(self._later, (due, next(self._order), step, request, token))
        else:
            self._carry_out(step, request, token)

    def _carry_out(self, step: Step, request: Request, token: int) -> None:
        if step.disconnects:
            lib.peer_disconnect(self._handle, request.client_id)
        elif step.handler is None:
            self._peer.answered(request, None)
            self._pass(request, token)
            return
        else:
            self._send(request, self._answers(step, request))
        lib.peer_done(self._handle, token)

    def _answers(self, step: Step, request: Request) -> Iterable[bytes]:
        """The messages of a handler; what it raises is kept, and answered."""
        assert step.handler is not None
        try:
            yield from request.answers(step.handler(request))
        except Exception as error:
            log.exception("the handler of %s failed", request.name)
            self._peer.handler_errors.append(error)
            if self._peer.definitions.reply_of(request.message) is not None:
                yield request.reply(UNSPECIFIED)

    def _send(self, request: Request, messages: Iterable[bytes]) -> None:
        rest = iter(messages)
        last = None
        while several := list(itertools.islice(rest, _MESSAGES)):
            last = several[-1]
            lengths = ffi.new("uint32_t[]", [len(item) for item in several])
            data = b"".join(several)
            lib.peer_send_many(self._handle, request.client_id, data, lengths, len(several))
        self._peer.answered(request, last)

    def _pass(self, request: Request, token: int) -> None:
        """The peer in C answers."""
        data = ffi.from_buffer(request.data)
        raw = {
            "client_id": request.client_id,
            "token": token,
            "msg_id": request.msg_id,
            "length": len(request.data),
            "bytes": ffi.cast("uint8_t *", data),
        }
        lib.peer_pass(self._handle, ffi.new("peer_request_t *", raw))
