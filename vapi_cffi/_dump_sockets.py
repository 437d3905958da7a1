"""Sockets beside a connection, each for the answers of one dump at a time.

VPP makes all answers of a dump before it sends the first. On the connection itself they would have
to be read, and kept, as soon as another request is answered behind them. On a socket of its own
what a slow reader has not read yet holds up nobody, and waits in a file (csrc/spool.h).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Condition, Lock

from . import _stats
from ._aside import begin, wait_for
from ._context import CLOSED, IN_CHILD, LEAVE_SECONDS, Context
from ._errors import ConnectionLost, NotConnected, NotSupported, Timeout, VapiError, error_for
from ._ffi import lib
from ._sending import enter
from ._timeouts import EAGAIN

log = logging.getLogger("vapi_cffi")


class DumpSockets:
    """Those of one connection, as long as that lasts. `most`: at once."""

    def __init__(self, main: Context, most: int) -> None:
        self._main: Context | None = main  # until the close, as it is to be freed then
        self._most = most
        self._lock = Lock()
        self._idle: list[Context] = []
        self._used: set[Context] = set()
        self._parting: set[Context] = set()
        self._changed = Condition(self._lock)  # something has left `_parting`
        self._closed = False
        #: How many coroutines wait for one.
        self.opening = 0
        self._past = dict.fromkeys(_stats.FIELDS, 0)

    # ---- one dump ------------------------------------------------------------------------------

    def take_idle(self) -> Context | None:
        """One that is open and free, without a wait."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                context = self._idle.pop()
                self._used.add(context)
            if _is_silent(context):
                return context
            self._part(context)

    def take(self, timeout_ns: int) -> Context | None:
        """One for a dump; None when that must come over the connection itself: there is no way to
        open one, or all are in use.

        Errors: `Timeout`, `ConnectionLost`, `NotConnected`.
        """
        while self._most:
            context = self.take_idle()
            if context is not None:
                return context
            with self._changed:
                main = self._main
                if main is None:
                    raise NotConnected("the connection was closed")
                if len(self._used) + len(self._parting) >= self._most:
                    if not self._parting:
                        return None
                    self._changed.wait(LEAVE_SECONDS)
                    continue
                context = Context(timeout_ns, timeout_ns)
                self._used.add(context)
            return self._opened(main, context, timeout_ns)
        return None

    @property
    def may_open(self) -> bool:
        """Whether there is hope for one."""
        with self._lock:
            return not self._closed and len(self._used) + self.opening < self._most

    def give_back(
        self, context: Context, *, is_clean: bool, last: Callable[[], bool] | None = None
    ) -> None:
        """The dump is over. `is_clean`: everything was read. What was not, VPP is not to keep: the
        socket is closed, in a thread, as nobody has to wait for that; unless `last` finds there
        that little was missing."""
        if is_clean and not context.closing:
            with self._lock:
                if not self._closed and context in self._used:
                    self._used.remove(context)
                    self._idle.append(context)
                    return
        self._part(context, last)

    # ---- life ----------------------------------------------------------------------------------

    def _opened(self, main: Context, context: Context, timeout_ns: int) -> Context | None:
        """The same, connected beside `main`; None if that cannot be."""
        errors: list[VapiError] = []
        try:
            wait_for(partial(_connect, main, context, timeout_ns, errors), "vapi-dump-connect")
        except BaseException:
            self._forget(context)  # the last reference to it closes what the thread opens
            raise
        if not errors:
            with self._lock:
                if not self._closed:
                    return context
        self._forget(context)
        if not errors:
            lib.vapi_disconnect(context.ctx)
            raise NotConnected("the connection was closed")
        error = errors[0]
        if isinstance(error, Timeout):
            raise Timeout(f"no answer for {timeout_ns / 1e9:g} s", code=error.code)
        if isinstance(error, ConnectionLost | NotConnected):
            raise error
        log.debug("dumps come over the connection itself: %s", error)
        if isinstance(error, NotSupported):
            self._most = 0
        return None

    def _forget(self, context: Context) -> None:
        with self._lock:
            self._used.discard(context)

    def _part(self, context: Context, last: Callable[[], bool] | None = None) -> None:
        """Closes one, in a thread."""
        with self._lock:
            if context not in self._used:
                return  # `close` does it, or did
            self._used.remove(context)
            self._parting.add(context)
        begin(partial(self._leave, context, last), "vapi-dump-close")

    def _leave(self, context: Context, last: Callable[[], bool] | None) -> None:
        is_clean = last is not None and last()
        with self._lock:
            if is_clean and not self._closed:
                self._parting.remove(context)
                self._idle.append(context)
                self._changed.notify_all()
                return
            _add(self._past, context)
        self._say_goodbye(context, wanted=context.shut(CLOSED) and context.empty())

    def _say_goodbye(self, context: Context, *, wanted: bool = True) -> None:
        try:
            if wanted:
                context.part()
        finally:
            with self._lock:
                self._parting.discard(context)
                self._changed.notify_all()

    def close(self) -> None:
        """Ends what waits for them in other threads, and begins to close them all. Idempotent."""
        with self._lock:
            self._closed, self._main = True, None
            contexts = [*self._idle, *self._used]
            for context in contexts:
                _add(self._past, context)
            self._parting.update(contexts)
            self._idle.clear()
            self._used.clear()
        for context in contexts:
            wanted = context.shut(CLOSED) and context.empty()
            begin(partial(self._say_goodbye, context, wanted=wanted), "vapi-dump-close")

    def join(self) -> None:
        """After `close`: waits until VPP has said goodbye to all, for at most a few seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._parting, LEAVE_SECONDS)

    def disown(self) -> None:
        """In the child of a fork: they are the parent's."""
        self._lock = Lock()
        self._changed = Condition(self._lock)
        for context in (*self._idle, *self._used, *self._parting):
            context.closing = True
            context.take = IN_CHILD.take
        self._idle.clear()
        self._used.clear()
        self._parting.clear()
        self._closed = True

    def interrupt(self) -> None:
        """As of `Connection.interrupt`."""
        with self._lock:
            for context in self._used:
                lib.vapi_interrupt(context.ctx)

    # ---- what it knows -------------------------------------------------------------------------

    def stats(self) -> dict[str, int]:
        """Counters of all of them together, until now."""
        with self._lock:
            found = dict(self._past)
            for context in (*self._idle, *self._used):
                _add(found, context)
        return found

    def __len__(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._idle) + len(self._used)

    def __repr__(self) -> str:
        return f"<DumpSockets: {len(self._used)} in use, {len(self._idle)} idle>"


def _connect(main: Context, context: Context, timeout_ns: int, errors: list[VapiError]) -> None:
    code = lib.vapi_connect_beside(main.ctx, context.ctx, timeout_ns)
    if code:
        errors.append(error_for(code, main.ctx, "socket for a dump"))


def _add(counters: dict[str, int], context: Context) -> None:
    for name, value in _stats.read(context.ctx).items():
        counters[name] += value


def _is_silent(context: Context) -> bool:
    """Whether nothing waits there, not even the news that VPP has closed it."""
    slot = enter(context)
    try:
        return bool(lib.vapi_wait_until(slot.ctx, 0) == EAGAIN)
    finally:
        context.put(slot)
