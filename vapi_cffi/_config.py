"""The options of a connection, checked before anything is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from ._arguments import U64_MAX, whole, word
from ._errors import InvalidArgument
from ._ffi import ffi, lib
from ._timeouts import to_ns

Mode = Literal["blocking", "nonblocking"]

_TRANSPORT_CODES = {
    "socket": lib.VAPI_TRANSPORT_SOCKET,
    "memfd": lib.VAPI_TRANSPORT_MEMFD,
    "shm": lib.VAPI_TRANSPORT_SHM,
}
_MODE_CODES = {"blocking": lib.VAPI_MODE_BLOCKING, "nonblocking": lib.VAPI_MODE_NONBLOCKING}
_MAX_NAME_BYTES = 63
#: VPP has descriptors for more clients than one.
_MOST_SOCKETS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """Everything but the address.

    name: what VPP calls this client, 1 to 63 bytes; None: "vapi_cffi-PID".
    mode: "blocking" calls wait up to the timeout, "nonblocking" ones raise `WouldBlock` at once.
    timeout: seconds, for connecting and for calls that are given none of their own.
    max_outstanding_requests: how many requests may be in flight.
    response_queue_size: wanted places in the input queue; made large enough for the requests
        anyway.
    bell: with classic shared memory, the socket through which an idle VPP is woken. None: that of
        the process which serves the region; "": none (an idle VPP then answers after up to 10 ms).
    handle_keepalives: answer VPP's keepalives instead of returning them from recv().
    spin: seconds that a wait spins before it sleeps; None: chosen for this machine.
    backlog_bytes: the most that is kept for a program that does not receive (see docs).
    grace: seconds that nobody may receive before the drain thread does it.
    large_over_shm: with shared memory, also dumps and other requests with many or long answers go
        through it, instead of over a socket: faster, and a risk for VPP (docs/transports.md).
    keep_awake: with shared memory, keep an idle VPP awake for a millisecond at a time while calls
        follow each other closely (docs/transports.md).
    dump_sockets: how many dumps may be under way on sockets of their own, where what a slow loop
        has not read yet waits in a file; further ones, with 0 all, come over the connection itself
        and are kept in memory, up to backlog_bytes (docs/transports.md).
    """

    name: str | None = None
    mode: Mode = "blocking"
    timeout: float = 10.0
    max_outstanding_requests: int = 1024
    response_queue_size: int = 8192
    bell: str | os.PathLike[str] | None = None
    handle_keepalives: bool = True
    spin: float | None = None
    backlog_bytes: int | None = None
    grace: float | None = None
    large_over_shm: bool = False
    keep_awake: bool = True
    dump_sockets: int = 8

    def __post_init__(self) -> None:
        try:
            size = len(word("name", self.client_name).encode())
        except UnicodeEncodeError as error:
            raise InvalidArgument(f"name {self.client_name!r} is no text: {error.reason}") from None
        if not 1 <= size <= _MAX_NAME_BYTES or "\0" in self.client_name:
            raise InvalidArgument(
                f"name must have 1 to {_MAX_NAME_BYTES} bytes: {self.client_name[:80]!r} has {size}"
            )
        if self.mode not in tuple(_MODE_CODES):
            raise InvalidArgument(f"mode is 'blocking' or 'nonblocking', not {self.mode!r}")
        for field in ("max_outstanding_requests", "response_queue_size"):
            whole(field, getattr(self, field))
        sockets = self.dump_sockets
        if not isinstance(sockets, int) or not 0 <= sockets <= _MOST_SOCKETS:
            raise InvalidArgument(f"dump_sockets is 0 to {_MOST_SOCKETS}, not {sockets!r}")
        if self.backlog_bytes is not None:
            whole("backlog_bytes", self.backlog_bytes, 0, U64_MAX)
        for field in ("handle_keepalives", "large_over_shm", "keep_awake"):
            if not isinstance(value := getattr(self, field), bool):
                raise InvalidArgument(f"{field} is True or False, not {value!r}")
        if not isinstance(self.bell, str | bytes | os.PathLike | None):
            raise InvalidArgument(f"bell is the path of a socket, not {self.bell!r}")
        to_ns(self.timeout)
        if self.spin is not None:
            to_ns(self.spin, "spin")
        if self.grace is not None:
            to_ns(self.grace, "grace")

    @property
    def client_name(self) -> str:
        """The name that VPP is told."""
        return f"vapi_cffi-{os.getpid()}" if self.name is None else self.name

    @property
    def timeout_ns(self) -> int:
        """The timeout of calls that are given none: 0 in non-blocking mode."""
        return 0 if self.mode == "nonblocking" else to_ns(self.timeout)

    @property
    def call_ns(self) -> int:
        """The timeout of requests with their answer, which wait in both modes."""
        return to_ns(self.timeout)

    def to_c(self, transport: str, address: str | None, timeout_ns: int) -> tuple[Any, list[Any]]:
        """The struct for the C core, and what must live as long as it."""
        options = ffi.new("vapi_connect_options_t *")
        lib.vapi_connect_options_init(options)
        keep: list[Any] = []

        def text(value: str | os.PathLike[str] | None) -> Any:
            if value is None:
                return ffi.NULL
            keep.append(ffi.new("char[]", os.fsencode(value)))
            return keep[-1]

        options.name = text(self.client_name)
        options.transport = _TRANSPORT_CODES[transport]
        options.address = text(address)
        options.bell_address = text(self.bell)
        options.mode = _MODE_CODES[self.mode]
        options.handle_keepalives = self.handle_keepalives
        options.max_outstanding_requests = self.max_outstanding_requests
        options.response_queue_size = self.response_queue_size
        options.timeout_ns = timeout_ns
        if self.spin is not None:
            options.spin_ns = to_ns(self.spin)
        if self.backlog_bytes is not None:
            options.backlog_bytes = self.backlog_bytes
        if self.grace is not None:
            options.grace_ns = to_ns(self.grace)
        options.large_over_shm = self.large_over_shm
        options.keep_awake = self.keep_awake
        return options, keep


def made_options(given: Mapping[str, Any]) -> ConnectOptions:
    """The options of keywords. Errors: TypeError names the nearest one, `InvalidArgument`."""
    known = [item.name for item in fields(ConnectOptions)]
    wrong = next((name for name in given if name not in known), None)
    if wrong is not None:
        from difflib import get_close_matches

        close = get_close_matches(wrong, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise TypeError(f"connect() has no option {wrong!r}: {hint}")
    return ConnectOptions(**given)
