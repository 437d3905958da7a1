"""The client that programs use: `vapi_cffi.connect()`."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from types import TracebackType
from typing import Any, Self, Unpack

from ._address import Transport
from ._api import Api
from ._codec import MessageCodec
from ._connection import Connection, OptionArguments
from ._errors import ConnectionLost, NotConnected, VapiError
from ._events import Events, Listener, Policy, Subscriptions
from ._hub import Hub, lost
from ._reconnect import Reconnector
from ._registry import Given, Sources

log = logging.getLogger("vapi_cffi")


class Client:
    """A connection to VPP with its whole API; made by `connect()`.

    Any number of threads may use one client. A child process after `fork` may not.
    """

    def __init__(
        self,
        address: str | os.PathLike[str] | None = None,
        *,
        transport: Transport | None = None,
        definitions: Given | Sequence[Given] | None = None,
        raise_on_error: bool = True,
        reconnect: bool = False,
        on_reconnect: Callable[[Client], object] | None = None,
        **options: Unpack[OptionArguments],
    ) -> None:
        self.connection = Connection(address, transport=transport, **options)
        self.connection.owner = weakref.ref(self)
        self.sources = Sources(definitions)
        self.raise_on_error = raise_on_error
        self.api = Api(self)
        self.hub = Hub(self.connection, timeout=self.connection.options.timeout)
        self.wanted = Subscriptions(self)
        self._lock = RLock()
        self._events: list[Events] = []
        self._listeners: list[Listener] = []
        self._reconnector = Reconnector(self, on_reconnect) if reconnect else None

    # ---- life ----------------------------------------------------------------------------------

    def connect(self) -> Self:
        """Connects; `vapi_cffi.connect()` and `with` have done so already."""
        self.connection.connect()
        self.hub = Hub(self.connection, timeout=self.connection.options.timeout)
        log.info("connected to %s over %s", self.connection.address, self.transport)
        return self

    def close(self) -> None:
        """Ends events and listeners, leaves VPP. Idempotent."""
        if self._reconnector is not None:
            self._reconnector.stop()
        for listener in self._listeners:
            listener.close()
        for events in list(self._events):
            events.close()
        self.connection.close()
        self.hub.fail(NotConnected("the client was closed"))

    def __enter__(self) -> Self:
        if self._reconnector is None and not self.connection.is_connected:
            self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, and VPP is not known to be gone."""
        return self.connection.is_connected

    @property
    def transport(self) -> Transport:
        """What carries the messages: "socket", "memfd" or "shm"."""
        return self.connection.transport

    @property
    def stats(self) -> Mapping[str, int]:
        """Counters: those of `Connection.stats`, events that were dropped for want of a reader,
        messages that nobody asked for, and how often the client reconnected."""
        return {
            **self.connection.stats,
            "events_dropped": sum(events.dropped for events in self._events),
            "unclaimed": self.hub.unclaimed,
            "reconnects": 0 if self._reconnector is None else self._reconnector.count,
        }

    # ---- messages ------------------------------------------------------------------------------

    def message(self, name: str) -> tuple[MessageCodec, int]:
        """The codec of any message, and VPP's number for it. Errors: `NoSuchMessage`."""
        codec = self.message_codec(name)
        return codec, self.connection.message_table[codec.name_crc]

    def message_codec(self, name: str) -> MessageCodec:
        """The codec of any message. Errors: `NoSuchMessage`."""
        return self.sources.find(self.connection, name)[1]

    def message_class(self, name: str) -> Any:
        """The class of any message. Errors: `NoSuchMessage`.

        >>> Event = client.message_class("sw_interface_event")          # doctest: +SKIP
        """
        return self.message_codec(name).cls

    def cli(self, command: str, *, timeout: float | None = None) -> str:
        """What VPP's own command line answers.

        >>> print(client.cli("show version"))                           # doctest: +SKIP
        vpp v26.06 ...
        """
        reply: str = self.api.cli_inband(cmd=command, _timeout=timeout).reply
        return reply

    # ---- events --------------------------------------------------------------------------------

    def events(
        self,
        *names: str,
        size: int = 4096,
        policy: Policy = "drop_oldest",
        subscribe: bool = True,
        timeout: float | None = None,
        **fields: Any,
    ) -> Events:
        """Subscribes to events; iterate over what it returns.

        `size`: how many wait for a slow reader, `policy`: which go beyond it. `subscribe`: send
        the request that asks VPP for them (`fields` go into it). `timeout`: seconds that the loop
        waits for each, None: for ever. Errors: `NoSuchMessage`, `InvalidArgument`.
        """
        made = Events(
            self,
            names,
            size=size,
            policy=policy,
            subscribe=subscribe,
            timeout=timeout,
            fields=fields,
        )
        with self._lock:
            self._events.append(made)
        return made

    def on(self, name: str, callback: Callable[[Any], object], **options: Any) -> Listener:
        """Calls a function for each event, in a thread of its own, until `close()` of what it
        returns. `options` as of `events`. What the function raises is logged."""
        made = Listener(self.events(name, **options), callback)
        with self._lock:
            self._listeners.append(made)
        return made

    def forget(self, events: Events) -> None:
        """Called by events when they are closed."""
        with self._lock:
            if events in self._events:
                self._events.remove(events)

    # ---- losses --------------------------------------------------------------------------------

    def lost(self, error: BaseException) -> BaseException:
        """What to raise for an error of the connection; begins to reconnect, if asked for."""
        if isinstance(error, ConnectionLost):
            self.hub.fail(lost(error))
            if self._reconnector is not None:
                self._reconnector.start()
        return error

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around waits of the hub: notices a loss."""
        try:
            yield
        except ConnectionLost as error:
            raise self.lost(error) from None

    def restored(self) -> None:
        """Called after a reconnect: new numbers for all functions, events subscribed to again."""
        self.sources.forget_server()
        self.hub = Hub(self.connection, timeout=self.connection.options.timeout)
        self.api.resolve_again()
        self.wanted.forget()
        for events in list(self._events):
            try:
                events.attach()
            except VapiError as error:
                log.warning("%r could not be subscribed to again: %s", events, error)

    def wait_connected(self, timeout: float | None = None) -> None:
        """Waits until a lost connection is back. Errors: `Timeout`; `ConnectionLost` without
        `reconnect=True`."""
        if self.connection.is_connected and self._reconnector is None:
            return
        if self._reconnector is None:
            raise ConnectionLost("the connection is lost, and reconnect=True was not given")
        default = self.connection.options.timeout
        self._reconnector.wait(default if timeout is None else timeout)

    def __repr__(self) -> str:
        state = "connected" if self.is_connected else "not connected"
        return f"<Client of {self.connection.address} over {self.transport}, {state}>"


def connect(
    address: str | os.PathLike[str] | None = None,
    *,
    transport: Transport | None = None,
    definitions: Given | Sequence[Given] | None = None,
    raise_on_error: bool = True,
    reconnect: bool = False,
    on_reconnect: Callable[[Client], object] | None = None,
    **options: Unpack[OptionArguments],
) -> Client:
    """Connects to VPP; use it in a `with`, or `close()` it.

    >>> with vapi_cffi.connect("sim:") as client:                       # doctest: +SKIP
    ...     client.api.show_version().version

    `address`: `/path` or `unix:/path` (the API socket), `shm:PREFIX` (classic shared memory),
    `sim:` (an embedded peer of one's own); None: $VAPI_ADDRESS, then /run/vpp/api.sock.
    `transport`: the socket unless "memfd" or "shm" asks for shared memory (docs/transports.md says
    what each costs and risks). `definitions`: directories or files of `.api.json` or `.api`, or the
    `DEFINITIONS` of generated packages; VPP itself is asked for what they do not have.
    `raise_on_error`: whether a negative retval raises `ApiError`. `reconnect`: come back when VPP
    was restarted, then call `on_reconnect(client)`; requests under way still fail with
    `ConnectionLost`. Other options as of `ConnectOptions`: name, timeout, ...

    Errors: `ConnectFailed` and what is below it, `Timeout`, `InvalidArgument`.
    """
    return Client(
        address,
        transport=transport,
        definitions=definitions,
        raise_on_error=raise_on_error,
        reconnect=reconnect,
        on_reconnect=on_reconnect,
        **options,
    ).connect()
