"""What the peer does with the requests of one name, step by step: `peer.on(name)`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Self

from .._errors import InvalidArgument
from .._values import ApiMessage, ApiValue
from ..cli._values import plain
from ._definitions import Definitions
from ._request import Answer, Handler, Request, row_fields

#: A row of a dump: an object of its class, or its fields.
Row = ApiMessage | Mapping[str, Any]


@dataclass
class Step:
    """One way to answer. `handler` None: the peer does it by itself."""

    handler: Handler | None = None
    times: int | None = None
    """How many requests it is for; None: one if another step follows, else all."""
    delay: float = 0.0
    """Seconds before it."""
    disconnects: bool = False
    used: int = 0
    plan: Callable[[], dict[str, Any]] | None = None
    """Gives the same in words of JSON, for a peer in another process; None: there are none."""


#: After the last step, when that was for so many requests only.
_BY_ITSELF = Step()


class Script:
    """The steps for one request; made by `peer.on(name)`, which also is a decorator.

    >>> peer.on("ip_route_add_del").reply(retval=-56).times(2)          # doctest: +SKIP
    >>> peer.on("ip_route_add_del").reply(-1).reply(stats_index=7)      # doctest: +SKIP

    Steps are taken in order: each for one request, the last one for all that follow. `times()` and
    `delay()` change the step before them; behind the last step of `times()` the peer answers by
    itself again. Wrong names and values raise at once: `InvalidArgument`, or KeyError.
    """

    def __init__(
        self, definitions: Definitions, name: str, install: Callable[[Script], None]
    ) -> None:
        self._definitions = definitions
        self._install = install
        self._message = definitions.message(name)
        self.name = self._message.name
        self._requests = 0
        self._steps: list[Step] = []
        self._at = 0
        self._lock = Lock()

    @property
    def requests(self) -> int:
        """How many requests it has answered."""
        return self._requests

    # -- steps ------------------------------------------------------------------------------------

    def __call__(self, handler: Handler) -> Handler:
        """Decorator: this function answers, instead of all steps so far.

        It gets a `Request` and returns a retval, one message, several, or None for no answer.
        """
        with self._lock:
            self._steps, self._at = [], 0
        self._add(Step(handler))
        return handler

    def call(self, handler: Handler) -> Self:
        """This function answers."""
        return self._add(Step(handler))

    def reply(self, retval: int = 0, /, **fields: Any) -> Self:
        """This reply; `retval` may be given by name, too."""
        reply = self._definitions.reply_of(self._message)
        if reply is None:
            raise InvalidArgument(f"{self.name} has no reply{self._instead()}")
        fields.setdefault("retval", retval)
        if reply.retval_offset is None and not fields["retval"]:
            del fields["retval"]
        # Errors now, not when asked.
        message = self._definitions.scope.codec(reply.name).cls(**fields)

        def answer(request: Request) -> bytes:
            return request.reply(**fields)

        return self._add(Step(answer, plan=lambda: {"reply": given(message, fields)}))

    def details(self, rows: Iterable[Row] = (), /, **reply: Any) -> Self:
        """These rows of a dump, or of a stream: then followed by its reply with these fields."""
        definitions = self._definitions
        row_class = definitions.scope.codec(definitions.row_of(self._message).name).cls
        kept = [row_fields(row) for row in rows]
        messages = [row_class(**row) for row in kept]
        ending = definitions.reply_of(self._message)
        last = None
        if ending is not None:
            last = definitions.scope.codec(ending.name).cls(**reply)
        elif reply:
            raise InvalidArgument(f"{self.name} is a dump: no reply ends it")

        def answer(request: Request) -> Iterable[bytes]:
            for row in kept:
                yield request.details(**row)
            if ending is not None:
                yield request.reply(**reply)

        def plan() -> dict[str, Any]:
            rows = [given(message, row) for message, row in zip(messages, kept, strict=True)]
            return {"details": rows} | ({} if last is None else {"reply": given(last, reply)})

        return self._add(Step(answer, plan=plan))

    def drop(self) -> Self:
        """No answer, ever."""

        def answer(request: Request) -> None:
            return None

        return self._add(Step(answer, plan=lambda: {"drop": True}))

    def disconnect(self) -> Self:
        """The client is cut off without an answer. Over shared memory, where VPP has no way to, its
        requests just find no answer any more."""
        return self._add(Step(disconnects=True, plan=lambda: {"disconnect": True}))

    def passthrough(self) -> Self:
        """The peer answers by itself."""
        return self._add(Step(plan=lambda: {"passthrough": True}))

    # -- changes of the last step -----------------------------------------------------------------

    def times(self, count: int) -> Self:
        """The last step is for so many requests."""
        if count < 1:
            raise InvalidArgument(f"{self.name}: times({count!r}), expected at least 1")
        self._last("times").times = count
        return self

    def delay(self, seconds: float) -> Self:
        """The last step waits so long first; without a step, the peer's own answer does. The
        client's next requests wait, too; others do not."""
        if not 0 <= seconds < math.inf:
            raise InvalidArgument(f"{self.name}: delay({seconds!r}), expected seconds")
        if not self._steps:
            self.passthrough()
        self._last("delay").delay = seconds
        return self

    # -- inside -----------------------------------------------------------------------------------

    def next_step(self) -> Step:
        """What to do with the next request."""
        with self._lock:
            self._requests += 1
            while self._at < len(self._steps):
                step = self._steps[self._at]
                is_last = self._at == len(self._steps) - 1
                most = step.times if step.times is not None else math.inf if is_last else 1
                if step.used < most:
                    step.used += 1
                    return step
                self._at += 1
        return _BY_ITSELF

    def _add(self, step: Step) -> Self:
        with self._lock:
            self._steps.append(step)
        self._install(self)
        return self

    def _last(self, what: str) -> Step:
        if not self._steps:
            raise InvalidArgument(f"{self.name}: {what}() belongs behind reply() or another step")
        return self._steps[-1]

    def _instead(self) -> str:
        service = self._definitions.service_of(self._message)
        if service is None:
            return ": it is no request"
        return "; use details()" if service.details is not None else ""

    def __repr__(self) -> str:
        return f"<Script for {self.name}: {len(self._steps)} steps, {self.requests} requests>"


def given(message: ApiValue, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were given, as JSON has them."""
    return {name: plain(getattr(message, name)) for name in fields}


__all__ = ["Answer", "Handler", "Row", "Script", "Step", "given"]
