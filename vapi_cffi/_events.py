"""Events: messages that VPP sends unasked, once somebody subscribed to them."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from threading import RLock, Thread, current_thread
from typing import TYPE_CHECKING, Any, Literal

from ._arguments import U64_MAX, whole, word
from ._closing import Closing
from ._codec import MessageCodec
from ._errors import (
    BadMessage,
    ConnectionLost,
    InvalidArgument,
    NoSuchMessage,
    NotConnected,
    VapiError,
)
from ._hub import Mailbox
from ._timeouts import naming, seconds

if TYPE_CHECKING:
    from ._base_client import BaseClient
    from ._client import Client

log = logging.getLogger("vapi_cffi")

Policy = Literal["drop_oldest", "drop_newest"]


class Bounded(Mailbox):
    """A mailbox that holds `size` messages and counts what it could not."""

    __slots__ = ("dropped", "policy", "size")

    def __init__(self, ids: Iterable[bytes], size: int, policy: Policy, wake: Any = None) -> None:
        super().__init__(ids, wake=wake)
        self.size = size
        self.policy = policy
        self.dropped = 0
        self.put = self._put

    def _put(self, data: bytes) -> None:
        if len(self.items) >= self.size:
            self.dropped += 1
            if self.policy == "drop_newest":
                return
            with suppress(IndexError):  # its reader was quicker
                self.items.popleft()
        self.items.append(data)

    def renumber(self, before: dict[bytes, MessageCodec], now: dict[bytes, MessageCodec]) -> None:
        """What the VPP that is gone has sent, as the one that came would number it; what that has
        with another layout is dropped and counted."""
        numbers = {codec.name_crc: number for number, codec in now.items()}
        for _ in range(len(self.items)):
            try:
                data = self.items.popleft()
            except IndexError:
                return
            number = numbers.get(before[data[:2]].name_crc)
            if number is None:
                self.dropped += 1
            else:
                self.items.append(number + data[2:])


def checked_events(names: tuple[str, ...], size: int, policy: str, timeout: float | None) -> float:
    """Seconds to wait for each. Errors: `InvalidArgument` for arguments of `events()` that make no
    sense."""
    if not names:
        raise InvalidArgument("events() needs the name of an event")
    for name in names:
        word("the name of an event", name)
    whole("size", size, most=U64_MAX)
    if policy not in ("drop_oldest", "drop_newest"):
        raise InvalidArgument(f"policy is 'drop_oldest' or 'drop_newest', not {policy!r}")
    return math.inf if timeout is None else seconds(timeout)


class Events(Closing):
    """Events as they come, until `close()` or the end of a `with` block.

    >>> with client.events("sw_interface_event") as events:             # doctest: +SKIP
    ...     for event in events:
    ...         print(event.sw_if_index, event.flags)

    While nobody looks, up to `size` of them wait; then the oldest ones go (or the newest, by
    `policy`), and `dropped` counts them.
    """

    def __init__(
        self,
        client: Client,
        names: tuple[str, ...],
        *,
        size: int,
        policy: Policy,
        subscribe: bool,
        timeout: float | None,
        fields: dict[str, Any],
    ) -> None:
        self.timeout = checked_events(names, size, policy, timeout)
        self.names = names
        self._client = client
        self._fields = fields
        self._subscribe = subscribe
        self._closed = False
        self._box = Bounded((), size, policy)
        self._codecs: dict[bytes, MessageCodec] = {}
        self.attach()

    def attach(self) -> None:
        """Begins, or after a reconnect begins again."""
        client, hub = self._client, self._client.hub
        found: dict[bytes, MessageCodec] = {}
        for name in self.names:
            codec, number = client.message(name)
            found[number.to_bytes(2, "big")] = codec
        before, self._codecs = self._codecs, found
        if before:
            self._box.renumber(before, found)
        self._box.error = None
        for number_bytes in self._codecs:
            hub.subscribe(number_bytes, self._box)
        if self._subscribe:
            try:
                for name in self.names:
                    client.wanted.want(name, self._fields)
            except BaseException:
                self._detach()
                raise

    @property
    def dropped(self) -> int:
        """How many were lost because nobody looked in time."""
        self._look()
        return self._box.dropped

    def get(self, timeout: float | None = None) -> Any:
        """The next event. Errors: `Timeout`; `NotConnected` after `close()`, `ConnectionLost`."""
        box = self._box
        if not box.items:
            if self._closed:
                raise NotConnected("these events were closed")
            with naming(", ".join(self.names)), self._client.watched():
                self._client.hub.wait(box, self.timeout if timeout is None else timeout)
        data = box.items.popleft()
        return self._codecs[data[:2]].accept(data)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self.get()
        except NotConnected:
            if self._closed:
                raise StopIteration from None
            raise

    def pending(self) -> int:
        """How many are there, so that `get()` would not wait."""
        self._look()
        return len(self._box.items)

    def _look(self) -> None:
        """Receives what is there, if nobody else does."""
        if not self._closed:
            with suppress(VapiError), self._client.watched():  # for get() to tell
                self._client.hub.relieve()

    def fail(self, error: VapiError) -> None:
        """None will come: tells those who wait, until a reconnect begins them again."""
        self._box.fail(error)

    def wait_back(self) -> bool:
        """Waits for a lost connection; False when it will not come back, or nobody wants it to."""
        return self._client.wait_back() and not self._closed

    def close(self) -> None:
        """Unsubscribes, and ends loops over the events, also in other threads. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._client.forget(self)
        self._box.fail(NotConnected("these events were closed"))
        self._detach()
        if self._subscribe:
            for name in self.names:
                self._client.wanted.release(name)

    def _detach(self) -> None:
        for number in self._codecs:
            self._client.hub.unsubscribe(number, self._box)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._box.items)} waiting"
        return f"<Events {', '.join(self.names)}, {state}>"


class Subscriptions:
    """What this client asked VPP for. VPP refuses to be asked twice: the first reader of an event
    subscribes, the last one unsubscribes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = RLock()
        self._readers: dict[str, int] = {}

    def want(self, name: str, fields: dict[str, Any]) -> None:
        """One more reader. Errors: `InvalidArgument` if nothing asks for such events, `ApiError`
        if VPP refuses."""
        with self._lock:
            if not self._readers.get(name):
                self._send(name, fields, on=True)
            self._readers[name] = self._readers.get(name, 0) + 1

    def release(self, name: str) -> None:
        """One reader less. A VPP that is gone, or refuses, is no trouble any more."""
        with self._lock:
            left = self._readers[name] = max(self._readers.get(name, 0) - 1, 0)
            if not left and self._client.connection.is_connected:
                try:
                    self._send(name, {}, on=False)
                except VapiError as error:
                    log.debug("unsubscribe from %s: %s", name, error)

    def forget(self) -> None:
        """A new VPP knows of none."""
        with self._lock:
            self._readers.clear()

    def _send(self, name: str, given: dict[str, Any], *, on: bool) -> None:
        function, fields = subscribing(self._client, name, given, on=on)
        function(**fields)


def subscribing(
    client: BaseClient, name: str, given: dict[str, Any], *, on: bool
) -> tuple[Any, dict[str, Any]]:
    """The function that the API has to ask for an event, and what to give it: `enable_disable`, or
    what it calls it. Errors: `InvalidArgument` if there is none."""
    caller = client.sources.subscription(client.connection, name)
    if caller is None:
        raise InvalidArgument(
            f"no request asks for {name}: subscribe in your own way, "
            "and call events(..., subscribe=False)"
        )
    try:
        function = getattr(client.api, caller)
    except NoSuchMessage as error:
        raise InvalidArgument(f"{name} cannot be subscribed to: {error}") from None
    fields = dict(given)
    known = function.binding.codec.by_name
    for switch in ("enable_disable", "enable"):
        if switch in known:
            fields[switch] = on
    if "pid" in known:
        fields.setdefault("pid", os.getpid())
    return function, fields


def _check_callback(events: Events, callback: object) -> None:
    if not callable(callback):
        events.close()
        raise InvalidArgument(f"callback is called with each event, it cannot be {callback!r}")


class _Teller(Thread):
    """The thread of a listener."""


class Listener(Closing):
    """Calls a function for each event, in a thread of its own."""

    def __init__(self, events: Events, callback: Callable[[Any], object]) -> None:
        _check_callback(events, callback)
        self.events = events
        self._callback = callback
        self._ended = False
        self._thread = _Teller(target=self._run, name=f"vapi-{events.names[0]}", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether events are still told."""
        return self._thread.is_alive()

    def _run(self) -> None:
        names = ", ".join(self.events.names)
        while True:
            try:
                for event in self.events:
                    if self._ended:
                        return
                    try:
                        self._callback(event)
                    except Exception:  # the next event is not to blame
                        log.exception("the callback for %s failed", names)
                return
            except BadMessage as error:
                log.warning("an event was dropped: %s", error)
            except VapiError as error:
                # What comes back subscribes again.
                if isinstance(error, ConnectionLost) and self.events.wait_back():
                    continue
                log.debug("no more events of %s: %s", names, error)
                return

    def close(self) -> None:
        """Unsubscribes; returns when the callback has returned, which is not called any more.

        Within a callback it does not wait: for itself it could not, and two that close each other
        would wait for ever.
        """
        self._ended = True
        self.events.close()
        if not isinstance(current_thread(), _Teller):
            self._thread.join()

    def __repr__(self) -> str:
        return f"<Listener of {self.events!r}>"
