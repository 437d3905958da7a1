"""Addresses of a VPP: what `Connection("...")` accepts, taken apart."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from ._errors import InvalidArgument

Transport = Literal["socket", "memfd", "shm"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)

#: The environment variable that holds the address when the program gives none.
ADDRESS_VARIABLE = "VAPI_ADDRESS"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a VPP is.

    `path` is the socket's (None: VPP's usual one), `prefix` that of the classic shared memory;
    `sim` asks for an embedded peer of one's own.

    >>> Address.parse("/run/vpp/api.sock")
    Address(transport='socket', path='/run/vpp/api.sock', prefix='', sim=False)
    >>> Address.parse("shm:vpp1").prefix
    'vpp1'
    """

    transport: Transport
    path: str | None = None
    prefix: str = ""
    sim: bool = False

    @classmethod
    def parse(cls, text: str | os.PathLike[str] | None, transport: str | None = None) -> Address:
        """Takes an address apart.

        `/path` and `unix:/path` are sockets, `shm:PREFIX` is classic shared memory (`shm:` without
        a prefix), `sim:` an embedded peer. None: the variable VAPI_ADDRESS, then VPP's usual
        socket. `transport` overrides what the address says: `transport="memfd"` with a socket's
        path; with "shm", a text that is no address is the prefix.

        Errors: `InvalidArgument` names what cannot be understood.
        """
        if transport is not None and transport not in TRANSPORTS:
            raise InvalidArgument(
                f"transport {transport!r} is none of {', '.join(map(repr, TRANSPORTS))}"
            )
        given = text if text is not None else os.environ.get(ADDRESS_VARIABLE)
        if given is None:
            return cls(transport or "socket")
        whole = os.fspath(given) if isinstance(given, str | os.PathLike) else None
        if not isinstance(whole, str) or not whole or "\0" in whole:
            raise InvalidArgument(f"{given!r} is not an address")
        kind, colon, rest = whole.partition(":")
        if whole.startswith(("/", "./", "../")):
            kind, rest = "unix", whole
        elif not colon:
            kind, rest = ("shm", whole) if transport == "shm" else ("unix", whole)
        if kind == "sim" and not rest:
            return cls(transport or "socket", sim=True)
        if kind == "shm":
            if transport not in (None, "shm"):
                raise InvalidArgument(f"{whole!r} is shared memory, which {transport!r} cannot use")
            if "/" in rest:
                raise InvalidArgument(f"{rest!r} is not a prefix of shared memory: it has a slash")
            return cls("shm", prefix=rest)
        if kind == "unix" and rest:
            if transport == "shm":
                raise InvalidArgument(f"{whole!r} is a socket: with shm, name the prefix instead")
            return cls(transport or "socket", path=rest)
        raise InvalidArgument(
            f"{whole!r} is not an address: /path, unix:/path, shm:PREFIX and sim: are"
        )

    @staticmethod
    def origin(text: object) -> str:
        """For errors: where an address is from that the program did not give."""
        if text is not None:
            return ""
        if ADDRESS_VARIABLE in os.environ:
            return f" (as {ADDRESS_VARIABLE} says)"
        return f" ({ADDRESS_VARIABLE} is not set)"

    def __str__(self) -> str:
        if self.sim:
            return "sim:"
        if self.transport == "shm":
            return f"shm:{self.prefix}"
        return f"unix:{self.path or 'default'}"
