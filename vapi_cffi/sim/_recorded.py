"""The requests that came: `peer.requests`, of a peer in this process or in another one."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, overload

from .._errors import Timeout
from .._ffi import ffi, lib
from ._request import Request

if TYPE_CHECKING:
    from ._peer import Peer

_BATCH = 64
#: How long a wait stays in C before it looks for signals.
WAIT_SLICE = 0.1
#: What clients say of their own accord: left out, unless asked for by name.
_PLUMBING = frozenset(
    {
        "api_versions",
        "control_ping",
        "get_api_json",
        "get_first_msg_id",
        "memclnt_create",
        "memclnt_create_v2",
        "memclnt_delete",
        "memclnt_keepalive",
        "memclnt_keepalive_reply",
        "show_version",
        "sock_init_shm",
        "sockclnt_create",
        "sockclnt_delete",
    }
)


def never() -> bool:
    """Of a wait that nothing ends early."""
    return False


class Requests(Sequence[Request]):
    """A sequence of what came since `peer.record()`, oldest first; by name it gives the messages
    themselves.

    >>> peer.requests["ip_route_add_del"][0].route.prefix               # doctest: +SKIP
    IPv4Network('10.0.0.0/8')
    >>> [request.name for request in peer.requests]                     # doctest: +SKIP
    ['create_loopback', 'ip_route_add_del']

    What clients say of their own accord (control_ping, show_version, ...) is left out, unless asked
    for by name. A request is here before its answer is sent.
    """

    @abstractmethod
    def named(self, name: str) -> list[Request]:
        """Those of a name, with what is known of each (`client_id`, `transport`, `data`). KeyError
        if the peer has no such message."""

    @abstractmethod
    def wait(
        self, name: str, count: int = 1, *, timeout: float = 5.0, _stop: Callable[[], bool] = never
    ) -> list[Any]:
        """Waits until so many of a name have come; the messages. `Timeout` says what came."""

    @abstractmethod
    def clear(self) -> None:
        """Forgets what came so far."""

    @abstractmethod
    def _shown(self) -> list[Request]:
        """All, but what clients say of their own accord."""

    @overload
    def __getitem__(self, key: int) -> Request: ...
    @overload
    def __getitem__(self, key: slice) -> list[Request]: ...
    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    def __getitem__(self, key: int | slice | str) -> Request | list[Request] | list[Any]:
        if not isinstance(key, str):
            return self._shown()[key]
        return [request.args for request in self.named(key)]

    def __len__(self) -> int:
        return len(self._shown())

    def __iter__(self) -> Iterator[Request]:
        return iter(self._shown())

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return [request.name for request in self._shown()]


class RecordedRequests(Requests):
    """Those that came to a peer of this process."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._all: list[Request] = []
        self._lock = Lock()
        self.is_on = False

    def _fetch(self, timeout: float = 0.0) -> list[Request]:
        """Everything so far; waits for more, but not longer than `timeout` seconds."""
        array = ffi.new("peer_request_t[]", _BATCH)
        with self._lock:
            wait_ns = int(min(timeout, WAIT_SLICE) * 1e9)
            while (n := lib.peer_await_recorded(self._peer.handle, array, _BATCH, wait_ns)) > 0:
                self._all += [self._peer.request_of(array[i]) for i in range(n)]
                lib.peer_release(array, n)
                wait_ns = 0
            return list(self._all)

    def _recorded(self) -> list[Request]:
        if not self.is_on:
            raise ValueError("nothing is recorded: call peer.record() first")
        return self._fetch()

    def _shown(self) -> list[Request]:
        return [request for request in self._recorded() if request.name not in _PLUMBING]

    def named(self, name: str) -> list[Request]:
        wanted = self._peer.definitions.message(name).name
        return [request for request in self._recorded() if request.name == wanted]

    def wait(
        self, name: str, count: int = 1, *, timeout: float = 5.0, _stop: Callable[[], bool] = never
    ) -> list[Any]:
        deadline = time.monotonic() + timeout
        while len(found := self[name]) < count:
            left = deadline - time.monotonic()
            if left <= 0 or _stop():
                seen = ", ".join(f"{n} {key}" for key, n in Counter(self.names).items())
                raise Timeout(
                    f"{len(found)} {name} of {count} came within {timeout:g} s; "
                    f"there were {seen or 'no requests'}"
                )
            self._fetch(left)
        return found

    def clear(self) -> None:
        self.take()

    def take(self) -> list[Request]:
        """Everything that came so far, plumbing included; forgets it."""
        self._fetch()
        with self._lock:
            taken, self._all = self._all, []
        return taken

    def __repr__(self) -> str:
        return f"<Requests: {', '.join(self.names) if self.is_on else 'not recorded'}>"
