"""What the client and its asyncio sibling have in common: everything but the waiting."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from ._address import Transport
from ._codec import MessageCodec
from ._connection import Connection, OptionArguments
from ._errors import ConnectionLost
from ._hub import Hub, lost
from ._registry import Given, Sources

if TYPE_CHECKING:
    from ._api import Api
    from ._trace import Target, Trace


class BaseClient:
    """A connection, the definitions of its messages, and what became of them."""

    api: Api
    hub: Hub

    def __init__(
        self,
        address: str | os.PathLike[str] | None,
        transport: Transport | None,
        definitions: Given | Sequence[Given] | None,
        raise_on_error: bool,
        options: OptionArguments,
    ) -> None:
        self.connection = Connection(address, transport=transport, **options)
        self.connection.owner = weakref.ref(self)
        self.sources = Sources(definitions)
        self.raise_on_error = raise_on_error

    # ---- what it knows -------------------------------------------------------------------------

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
        """Counters since `connect()`: those of `Connection.stats`, and those of the client.

        `sent`, `received`: messages. `dropped`: those for which there was no room any more.
        `queue_full`: sends that had to wait for room. `retries`: sends and connects that were tried
        again. `ring_misses`: messages for which VPP's rings had no room, so that they came from its
        heap (shared memory). `events_dropped`: events for want of a reader. `unclaimed`: messages
        that nobody asked for. `reconnects`: how often the client came back.
        """
        known = self.connection.stats
        return {
            **known,
            "retries": self._retries() + known["queue_full"],
            "ring_misses": known["returned"],
            "events_dropped": sum(self._dropped_events()),
            "unclaimed": self.hub.unclaimed,
            "reconnects": self._reconnects(),
        }

    def _retries(self) -> int:
        """Connects that did not work, and sends that the client itself tried again."""
        raise NotImplementedError

    def _dropped_events(self) -> Iterable[int]:
        """Of each reader."""
        raise NotImplementedError

    def _reconnects(self) -> int:
        """How often."""
        raise NotImplementedError

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

    # ---- what it does --------------------------------------------------------------------------

    def trace(self, file: Target) -> Trace:
        """Records all messages in both directions into a file, as lines of JSON, until `close()` of
        what it returns or the end of a `with` block. `vapi trace FILE` prints them.

        >>> with client.trace("vpp.trace"):                             # doctest: +SKIP
        ...     client.api.show_version()

        `file`: a path, or a text file that is open. Errors: OSError; `MisuseError` if it is being
        traced already.
        """
        from ._trace import Trace

        return Trace(self, file)

    # ---- losses --------------------------------------------------------------------------------

    def lost(self, error: BaseException) -> BaseException:
        """What to raise for an error of the connection; begins to reconnect, if asked for."""
        # A late report, when it is back already, is no concern of those who wait now.
        if isinstance(error, ConnectionLost) and not self.connection.is_connected:
            self.hub.fail(lost(error))
            self._begin_reconnect()
        return error

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around waits of the hub: notices a loss."""
        try:
            yield
        except ConnectionLost as error:
            raise self.lost(error) from None

    def _begin_reconnect(self) -> None:
        """Does nothing if nobody asked for it, or it is under way."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Neither copy nor pickle: the end of one would be the end of the other."""
        raise TypeError("a client cannot be copied or pickled: connect once more")

    def __repr__(self) -> str:
        state = "connected" if self.is_connected else "not connected"
        return f"<Client of {self.connection.address} over {self.transport}, {state}>"
