"""Who asked for which events, as far as the peer in C does not know it: by the `want_...` requests
of plugins, which it answers with zeros."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from threading import Condition

from vapi_cffi.generator.model import Message, Service

from ._definitions import Definitions
from ._request import Request

#: Implemented in C; its subscribers are `SUBSCRIBERS`.
IN_C = "want_interface_events"
#: Fields by which a request says whether it asks for events or has had enough, as VPP names them.
_SWITCHES = ("enable_disable", "enable", "is_enable", "is_add", "want_resync_event")


@dataclass(frozen=True)
class Subscriber:
    """A client that asked, and what it wants to be called."""

    client_id: int
    client_index: bytes
    pid: bytes


class Subscribers:
    """By event."""

    def __init__(self, definitions: Definitions) -> None:
        self.requests: dict[str, Service] = {}
        """The requests to be noted, by name."""
        self._events: dict[str, list[str]] = {}
        self._by_event: dict[str, dict[int, Subscriber]] = {}
        self._changed = Condition()
        for service in definitions.subscriptions():
            for event in service.events:
                self._events.setdefault(event.name, []).append(service.caller.name)
            if service.caller.name != IN_C:
                self.requests[service.caller.name] = service

    def callers_of(self, event: str) -> list[str]:
        """The requests that ask for an event."""
        return self._events.get(event, [])

    def note(self, request: Request) -> None:
        """A request was answered, and not refused."""
        service = self.requests[request.name]
        fields = {item.name for item in request.message.fields}
        switch = next((name for name in _SWITCHES if name in fields), None)
        wants = switch is None or request[switch] != 0
        someone = Subscriber(
            request.client_id,
            request.data[2:6],
            request.data[_place(request.message, "pid") :][:4] if "pid" in fields else bytes(4),
        )
        with self._changed:
            for event in service.events:
                known = self._by_event.setdefault(event.name, {})
                if wants:
                    known[someone.client_id] = someone
                else:
                    known.pop(someone.client_id, None)
            self._changed.notify_all()

    def wait(self, event: str, alive: Collection[int], timeout: float) -> list[Subscriber]:
        """Those who want an event, once there is one who does; empty after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            known = self._by_event.setdefault(event, {})
            for gone in known.keys() - set(alive):
                del known[gone]
            while not known and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return list(known.values())


def _place(message: Message, field: str) -> int:
    offsets = {item.name: item.offset for item in message.fields}
    return int(offsets[field])
