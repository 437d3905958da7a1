"""MAC addresses as vpp_papi has them."""

from __future__ import annotations

import binascii
from typing import Any


def mac_pton(s: str) -> bytes:
    """Text as bytes: `mac_pton("02:fe:00:00:00:01")`. Errors: binascii.Error, a ValueError."""
    return binascii.unhexlify(s.replace(":", ""))


def mac_ntop(binary: bytes) -> str:
    """Six bytes as text.

    >>> mac_ntop(bytes.fromhex("02fe00000001"))
    '02:fe:00:00:00:01'
    """
    return bytes(binary[:6]).hex(":")


class MACAddress:
    """From text or six bytes; equal to its own text and bytes.

    >>> MACAddress("02:fe:00:00:00:01")
    MACAddress(02:fe:00:00:00:01)
    """

    __slots__ = ("__dict__", "__weakref__", "_text", "mac_binary")

    mac_binary: bytes
    _text: str | None

    def __init__(self, mac: Any) -> None:
        if type(mac) is bytes and len(mac) == 6:
            self.mac_binary = mac
            self._text = None
        else:
            self.mac_binary = mac_pton(mac)
            self._text = mac

    @property
    def mac_string(self) -> str:
        """As it was given, or `aa:bb:cc:dd:ee:ff`."""
        if self._text is None:
            self._text = self.mac_binary.hex(":")
        return self._text

    @mac_string.setter
    def mac_string(self, text: str) -> None:
        self._text = text

    @property
    def packed(self) -> bytes:
        return self.mac_binary

    def __len__(self) -> int:
        return 6

    def __str__(self) -> str:
        return self.mac_string

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.mac_string})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MACAddress):
            return self.mac_binary == other.mac_binary
        try:
            return self.mac_binary == MACAddress(other).mac_binary
        except (ValueError, TypeError, AttributeError):
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self.mac_binary)


class _Known(dict[bytes, MACAddress]):
    """Addresses that came from VPP, by their bytes: the same ones come again and again."""

    def __missing__(self, packed: bytes) -> MACAddress:
        made = MACAddress(packed)
        if len(self) < _MAX_KNOWN:
            self[packed] = made
        return made


_MAX_KNOWN = 8192
#: From six bytes of a message.
KNOWN = _Known()
