"""The client that programs use: `vapi_cffi.connect()`."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, Unpack

from ._address import Transport
from ._api import Api
from ._arguments import function
from ._base_client import BaseClient
from ._closing import Closing
from ._connection import OptionArguments
from ._errors import ConnectionLost, NotConnected, VapiError
from ._events import Events, Listener, Policy, Subscriptions
from ._hub import Hub, lost
from ._reconnect import Reconnector
from ._registry import Given
from ._timeouts import seconds

if TYPE_CHECKING:
    # What `vapi stubs` has written for the VPP at hand; without it, anything.
    import vapi_cffi_api  # type: ignore[import-not-found,unused-ignore]

    from ._bulk import BulkResult
    from ._pipeline import Pipeline

log = logging.getLogger("vapi_cffi")


class Client(BaseClient, Closing):
    """A connection to VPP with its whole API; made by `connect()`.

    Any number of threads may use one client. A child process after `fork` may not.
    """

    if TYPE_CHECKING:
        api: vapi_cffi_api.Api

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
        super().__init__(address, transport, definitions, raise_on_error, options)
        self.sources.on_loss = self.lost
        self.api = Api(self)
        self.hub = self._new_hub(None)
        self.wanted = Subscriptions(self)
        self._lock = RLock()
        self._events: list[Events] = []
        self._listeners: list[Listener] = []
        function("on_reconnect", on_reconnect)
        self._reconnector = Reconnector(self, on_reconnect) if reconnect else None

    # ---- life ----------------------------------------------------------------------------------

    def connect(self) -> Self:
        """Connects; `vapi_cffi.connect()` and `with` have done so already."""
        self.connection.connect()
        self.hub = self._new_hub(self.connection._context)
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

    def _dropped_events(self) -> Iterable[int]:
        return (events.dropped for events in self._events)

    def _retries(self) -> int:
        return 0 if self._reconnector is None else self._reconnector.failures

    def _reconnects(self) -> int:
        return 0 if self._reconnector is None else self._reconnector.count

    # ---- messages ------------------------------------------------------------------------------

    def cli(self, command: str, *, timeout: float | None = None) -> str:
        """What VPP's own command line answers.

        >>> print(client.cli("show version"))                           # doctest: +SKIP
        vpp v26.06 ...
        """
        reply: str = self.api.cli_inband(cmd=command, _timeout=timeout).reply
        return reply

    def bulk(
        self,
        name: str,
        /,
        template: Any = None,
        columns: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
        *,
        count: int | None = None,
        depth: int = 256,
        keep: bool | str | Sequence[str] = False,
        stop_on_error: bool = False,
        keep_retvals: bool = True,
        progress: bool | Callable[[int, int | None], object] | None = None,
        timeout: float | None = None,
        batch: int = 2048,
        **fields: Any,
    ) -> BulkResult:
        """Sends very many requests of one kind, and says what became of each.

        >>> result = client.bulk(                                       # doctest: +SKIP
        ...     "ip_route_add_del",
        ...     {"is_add": True, "route": {"paths": [{"sw_if_index": 1}]}},
        ...     {"route.prefix": [f"10.{i >> 8}.{i & 255}.0/24" for i in range(65536)]},
        ... )
        >>> result.raise_for_errors().rate                              # doctest: +SKIP

        `template`: an object of the message's class, a dict, or keywords. `columns`: what varies,
        by path ("route.paths[0].weight"): sequences, arrays of NumPy, columns of pandas or pyarrow,
        iterators; what is no sequence is for all rows. Or a whole table; or an iterable of
        mappings, rows or batches, for more than fits into memory. Values are what the codec takes;
        addresses also numbers and packed arrays: (N, 4), (N, 6), (N, 16). `count`: rows, where no
        column says so.
        `depth`: requests in flight. `keep`: fields of the replies that become `result.columns`;
        True for all of constant size. `stop_on_error`: send no more after a negative retval.
        `progress`: True for a bar in a terminal, or a function of the answers so far and of all
        (None: unknown). `timeout`: seconds without any answer. `batch`: rows that are encoded at
        once.

        Errors: `InvalidArgument` names column, row and value, before anything of its batch is sent;
        `Timeout`, `ConnectionLost`; `BulkInterrupted` at Ctrl-C. Each has the `result` until then.
        Negative retvals raise nothing: see `BulkResult.raise_for_errors`.
        """
        from ._bulk import bulk

        return bulk(
            self,
            name,
            template,
            columns,
            fields,
            count=count,
            depth=depth,
            keep=keep,
            stop_on_error=stop_on_error,
            keep_retvals=keep_retvals,
            progress=progress,
            timeout=timeout,
            batch=batch,
        )

    def pipeline(self, depth: int = 256, *, timeout: float | None = None) -> Pipeline:
        """Different requests one behind the other, each with its result.

        >>> with client.pipeline() as p:                                # doctest: +SKIP
        ...     loop = p.api.create_loopback()
        ...     version = p.api.show_version()
        >>> loop.result().sw_if_index, version.result().version         # doctest: +SKIP

        `depth`: requests that may be without an answer. `timeout`: seconds without any answer,
        None: the client's. See `Pipeline`.
        """
        from ._pipeline import Pipeline

        return Pipeline(self, depth, timeout)

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
            self._listeners = [item for item in self._listeners if item.is_running]
            self._listeners.append(made)
        return made

    def forget(self, events: Events) -> None:
        """Called by events when they are closed."""
        with self._lock:
            if events in self._events:
                self._events.remove(events)

    # ---- losses --------------------------------------------------------------------------------

    def _begin_reconnect(self) -> None:
        if self._reconnector is not None:
            self._reconnector.start()

    def _new_hub(self, context: Any) -> Hub:
        return Hub(self.connection, timeout=self.connection.options.timeout, context=context)

    def restored(self) -> None:
        """Called after a reconnect: new numbers for all functions, events subscribed to again."""
        self.sources.forget_server()
        before, self.hub = self.hub, self._new_hub(self.connection._context)
        before.fail(ConnectionLost("the connection was lost"))
        self.api.resolve_again()
        self.wanted.forget()
        for events in list(self._events):
            try:
                events.attach()
            except VapiError as error:
                log.warning("%r could not be subscribed to again: %s", events, error)
                events.fail(lost(error))

    def wait_connected(self, timeout: float | None = None) -> None:
        """Waits until a lost connection is back. Errors: `Timeout`; `ConnectionLost` without
        `reconnect=True`."""
        if self.connection.is_connected and self._reconnector is None:
            return
        if self._reconnector is None:
            raise ConnectionLost("the connection is lost, and reconnect=True was not given")
        default = self.connection.options.timeout
        self._reconnector.wait(default if timeout is None else seconds(timeout))

    def wait_back(self) -> bool:
        """For threads of ours: waits as long as it takes until a lost connection is back. False
        when it will not be, or the client was closed."""
        if self._reconnector is None:
            return False
        try:
            self._reconnector.wait(math.inf)
        except ConnectionLost:
            return False
        return True


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
