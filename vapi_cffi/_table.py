"""The messages that the connected VPP knows: full names (with CRC) to VPP's numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ._errors import MessageUnavailable
from ._ffi import ffi, lib

#: The message that every VPP answers at once, and its answer.
CONTROL_PING, CONTROL_PING_REPLY = "control_ping_51077d14", "control_ping_reply_f6b0b8ca"

_REPLY = re.compile(r"_reply(_v\d+)?_\w{8}$")


class MessageTable(Mapping[str, int]):
    """A read-only mapping of `name_crc` to VPP's number, as VPP handed it out at connect.

    >>> table = connection.message_table                      # doctest: +SKIP
    >>> table["control_ping_51077d14"], table.name(23)
    (23, 'control_ping_51077d14')

    A copy: it stays valid after the connection ends, and VPP restarted has another one.
    """

    __slots__ = ("_ids", "_names")

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = dict(ids)
        self._names = {number: name for name, number in self._ids.items()}

    @classmethod
    def of(cls, ctx: Any) -> MessageTable:
        """Copies the table of a connected context."""
        ids: dict[str, int] = {}
        for number in range(lib.vapi_table_max_id(ctx) + 1):
            name = lib.vapi_table_name(ctx, number)
            if name != ffi.NULL:
                ids[ffi.string(name).decode("ascii", "replace")] = number
        return cls(ids)

    def __getitem__(self, name_crc: str) -> int:
        return self._ids[name_crc]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def name(self, number: int) -> str:
        """The full name of a number; KeyError when VPP does not use it."""
        return self._names[number]

    def is_reply(self, number: int) -> bool:
        """Whether a message ends an answer, by its name: not a detail, nor an event."""
        return _REPLY.search(self._names.get(number, "")) is not None

    def find(self, name_crc: str) -> int:
        """The number of a full name.

        Errors: `MessageUnavailable`, which tells a message that VPP lacks from one that it has with
        another layout.
        """
        number = self._ids.get(name_crc)
        if number is not None:
            return number
        name, _, crc = name_crc.rpartition("_")
        others = [other for other in self._ids if other.rpartition("_")[0] == name]
        if not others:
            raise MessageUnavailable(f"this VPP has no message {name_crc!r}: is its plugin loaded?")
        theirs = ", ".join(sorted(other.rpartition("_")[2] for other in others))
        raise MessageUnavailable(
            f"this VPP has {name!r} with another layout: CRC {theirs}, not {crc}; "
            "generate the bindings from its own API files"
        )

    def __repr__(self) -> str:
        return f"<MessageTable of {len(self)} messages>"
