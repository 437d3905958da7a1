"""Columns of values to wire bytes, and bytes in and out of the rows of packed messages.

`encode(kind, values)` gives the bytes of all values behind each other. Each kind has a fast way
that takes what programs usually have; whatever that does not understand is looked at value by
value, the way the codec does, which knows what is wrong with it.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from . import _addresses as ip
from ._errors import InvalidArgument
from ._ffi import ffi, lib
from ._values import ApiUnion, ApiValue
from ._wire import (
    NATURAL,
    BoolKind,
    BytesKind,
    EnumKind,
    FieldError,
    FloatKind,
    IntKind,
    Kind,
    Many,
    TextKind,
)

_SCALARS = (
    str, bytes, bytearray, int, float, Enum, Mapping, ApiValue, ApiUnion, ip.MACAddress,
    *ip.IPAddress.__args__, *ip.IPNetwork.__args__,
)  # fmt: skip

_MISFIT = (TypeError, ValueError, OverflowError, OSError, LookupError, AttributeError)


class RowError(ValueError):
    """A value of a column that does not fit: its row, and what the codec says of it."""

    def __init__(self, row: int, error: FieldError) -> None:
        super().__init__(str(error))
        self.row = row
        self.error = error


def numpy_module(what: str) -> Any:
    """numpy, or an error that says what to install."""
    return optional("numpy", "numpy", what)


def optional(name: str, extra: str, what: str) -> Any:
    """A module that is not always there."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise InvalidArgument(f"{what} needs {name}: pip install 'vapi_cffi[{extra}]'") from None


def loaded_numpy() -> Any:
    """NumPy, if the program has imported it. Where another thread is at it, that is waited for:
    until then the module is there, and empty."""
    if "numpy" not in sys.modules:
        return None
    try:
        import numpy as np
    except ImportError:
        return None
    return np


def is_scalar(value: object) -> bool:
    """Whether it is one value, for all rows; else it is a column, or an iterator of one."""
    if value is None or isinstance(value, _SCALARS) or getattr(value, "ndim", 1) == 0:
        return True
    return not hasattr(value, "__iter__") and not hasattr(value, "__getitem__")


def plain(values: Any) -> Any:
    """A column as a list, tuple or range, or as an array of NumPy; objects are in a list.

    Without NumPy, arrays and memoryviews of numbers become lists.
    """
    if isinstance(values, list | tuple | range):
        return values
    if hasattr(values, "__array__") or hasattr(values, "__arrow_c_array__"):
        if _has_gaps(values):  # told with their rows; an array would have floats or anything there
            return _as_list(values)
        try:
            import numpy as np
        except ImportError:
            return _as_list(values)
        found = np.asarray(values)
        return found.tolist() if found.dtype.kind in "OUSMm" else found
    if isinstance(values, array | memoryview):
        view = memoryview(values)
        if (loaded := loaded_numpy()) is not None:
            return loaded.asarray(view)
        return list(rows_of(view)) if view.ndim > 1 else view.tolist()
    if isinstance(values, Sequence) and not isinstance(values, deque):  # it has no slices
        return values
    return list(values)


def _has_gaps(values: Any) -> bool:
    """Whether values are missing: nulls of pyarrow, NA of pandas, what NumPy masks."""
    mask: Any = getattr(values, "mask", None)
    if hasattr(mask, "any"):
        return bool(mask.any())
    missing = getattr(values, "null_count", None) or getattr(values, "hasnans", False)
    return bool(missing() if callable(missing) else missing)


def _as_list(values: Any) -> list[Any]:
    for method in ("to_pylist", "tolist"):
        if hasattr(values, method):
            found: list[Any] = getattr(values, method)()
            return found
    return list(values)


def rows_of(view: memoryview) -> list[bytes]:
    """The rows of a two-dimensional view of bytes."""
    rows, width = view.shape[0], view.nbytes // max(view.shape[0], 1)  # type: ignore[index]
    raw = view.tobytes()
    return [raw[row * width : (row + 1) * width] for row in range(rows)]


# ---- encoding ----------------------------------------------------------------------------------


def encode(kind: Kind, values: Any) -> bytes:
    """Wire bytes of a column (`plain`) of values of a kind, behind each other.

    Errors: `RowError`.
    """
    try:
        found = _of_array(kind, values) if hasattr(values, "dtype") else _of_items(kind, values)
        if found is not None:
            return found
    except _MISFIT:
        pass  # told below, with the row
    return _carefully(kind, values.tolist() if hasattr(values, "tolist") else values)


def encode_one(kind: Kind, value: Any) -> bytes:
    """Wire bytes of one value. Errors: `FieldError`."""
    try:
        return encode(kind, [value])
    except RowError as error:
        raise error.error from None


def _carefully(kind: Kind, values: Any) -> bytes:
    many = Many(kind)
    found = []
    for row, value in enumerate(values):
        try:
            if type(value) is int and kind in (_IP4, _IP6, _ADDRESS):
                found.append(_FAST[kind](value))  # of the codec's own, only text and objects
            else:
                found.append(many.pack([kind.convert(value)]))
        except FieldError as error:
            raise RowError(row, error) from None
        except _MISFIT as error:
            raise RowError(row, FieldError(f"expected {kind.in_type} ({error})", value)) from None
    return b"".join(found)


def _swapped(code: str, values: Any) -> bytes:
    """Numbers of a type of `array`, in network order."""
    numbers = array(code, values)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()


class _Memo(dict[Any, int]):
    """Numbers of members of an enum, by whatever names them."""

    def __init__(self, kind: EnumKind) -> None:
        super().__init__()
        self._convert = kind.convert

    def __missing__(self, value: Any) -> int:
        number = self[value] = int(self._convert(value))
        return number


def _of_items(kind: Kind, values: Any) -> bytes | None:
    """The fast way of a sequence of objects."""
    if isinstance(kind, IntKind):
        return _swapped(kind.fmt, values)
    if isinstance(kind, BoolKind):
        known = BoolKind._known
        return bytes([known[value] for value in values])
    if isinstance(kind, EnumKind):
        memo = _Memo(kind)
        return _swapped(kind.fmt, [memo[value] for value in values])
    if isinstance(kind, FloatKind):
        return array("d", values).tobytes()
    if isinstance(kind, TextKind | BytesKind):
        pack, size = kind._pack, kind.size
        return b"".join([pack(value).ljust(size, b"\0") for value in values])
    if kind in _TEXTS and len(values) and type(values[0]) is str:
        packed = _of_texts(kind.size, values)
        if packed is not None:
            return packed
    fast = _FAST.get(kind)
    return None if fast is None else b"".join([fast(value) for value in values])


def _of_array(kind: Kind, values: Any) -> bytes | None:
    """The fast way of an array of NumPy."""
    number, width = values.dtype.kind, values.shape[1] if values.ndim == 2 else 0
    if values.ndim == 2 and values.dtype.itemsize == 1 and number in "ui":
        return _of_bytes(kind, values, width)
    if values.ndim != 1:
        return None
    if not len(values):
        return b""
    if isinstance(kind, EnumKind) and number in "ui":
        for value in set(values.tolist()):
            kind.convert(value)
        return _of_array(kind.base, values)
    if isinstance(kind, IntKind) and number in "uib":
        if number != "b" and not kind.low <= int(values.min()) <= int(values.max()) <= kind.high:
            return None
        return bytes(values.astype(f">{'i' if kind.low else 'u'}{kind.size}"))
    if isinstance(kind, BoolKind) and number in "uib":
        if number != "b" and not 0 <= int(values.min()) <= int(values.max()) <= 1:
            return None
        return bytes(values.astype("u1"))
    if isinstance(kind, FloatKind) and number in "uif":
        return bytes(values.astype("=f8"))
    if kind is _IP4 and number in "ui":
        return _of_array(_U32, values)
    if kind is _ADDRESS and number in "ui":
        packed = _of_array(_U32, values)
        return None if packed is None else _families(packed, 4)
    return None


def _of_bytes(kind: Kind, values: Any, width: int) -> bytes | None:
    """Rows of bytes: of the size of the kind; fewer where zeros may follow."""
    raw: bytes = values.astype("u1", copy=False).tobytes()
    if width == kind.size and not isinstance(kind, TextKind):
        return raw
    if kind is _ADDRESS and width in (4, 16):
        return _families(raw, width)
    if isinstance(kind, BytesKind) and width < kind.size:
        rows = len(values)
        padded = bytearray(rows * kind.size)
        scatter(padded, kind.size, 0, width, raw)
        return bytes(padded)
    return None


def _families(raw: bytes, width: int) -> bytes:
    """`address` of packed IPv4 (4) or IPv6 (16) addresses."""
    rows = len(raw) // width
    packed = bytearray(17 * rows)
    packed[::17] = bytes([width == 16]) * rows
    scatter(packed, 17, 1, width, raw)
    return bytes(packed)


def _of_texts(size: int, values: Any) -> bytes | None:
    """Texts of addresses or prefixes in C; None if there is one that is not the usual."""
    try:
        joined = "\n".join(values).encode()
    except (TypeError, UnicodeEncodeError):
        return None
    packed = bytearray(size * len(values))
    if lib.address_text_pack(joined, len(joined), len(values), size, ffi.from_buffer(packed)):
        return bytes(packed)
    return None


def _ip4(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        return inet_pton(AF_INET, value)
    if kind is int:
        packed: bytes = value.to_bytes(4, "big")
        return packed
    return ip.to_ip4(value).packed


def _ip6(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        return inet_pton(AF_INET6, value)
    if kind is int:
        packed: bytes = value.to_bytes(16, "big")
        return packed
    return ip.to_ip6(value).packed


_ZEROS = bytes(12)


def _address(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        if ":" in value:
            return b"\1" + inet_pton(AF_INET6, value)
        return b"\0" + inet_pton(AF_INET, value) + _ZEROS
    if kind is int:
        return _address(_address_of_int(value))
    family, packed = ip.pack_address(value)
    return bytes((family,)) + packed


def _address_of_int(value: int) -> IPv4Address | IPv6Address:
    """A number is an IPv4 address if it fits, as in `ipaddress.ip_address`."""
    return IPv4Address(value) if 0 <= value < 1 << 32 else IPv6Address(value)


def _prefix(value: Any) -> bytes:
    if type(value) is str:
        address, slash, length = value.partition("/")
        packed = _address(address)
        most = 128 if packed[0] else 32
        if not slash:
            return packed + bytes((most,))
        # As `ipaddress` has it; a netmask goes the other way.
        if length.isascii() and length.isdigit() and int(length) <= most:
            return packed + bytes((int(length),))
    family, raw, bits = ip.pack_prefix(value)
    return bytes((family,)) + raw + bytes((bits,))


def _mac(value: Any) -> bytes:
    if type(value) is str and len(value) == 17:
        packed = bytes.fromhex(value.replace(":", ""))
        if len(packed) == 6:
            return packed
    return ip.mac_bytes(value)


def _net4(value: Any) -> bytes:
    packed, length = ip.pack_net4(value)
    return packed + bytes((length,))


def _net6(value: Any) -> bytes:
    packed, length = ip.pack_net6(value)
    return packed + bytes((length,))


_U32 = IntKind("u32", "I", 4)
_IP4, _IP6, _ADDRESS = (
    NATURAL["ip4_address", 4], NATURAL["ip6_address", 16], NATURAL["address", 17]
)  # fmt: skip
#: Kinds whose texts C understands; the sizes tell it which.
_TEXTS = (_IP4, _IP6, _ADDRESS, NATURAL["prefix", 18], NATURAL["address_with_prefix", 18])
_FAST: dict[Kind, Callable[[Any], bytes]] = {
    _IP4: _ip4,
    _IP6: _ip6,
    _ADDRESS: _address,
    NATURAL["prefix", 18]: _prefix,
    NATURAL["address_with_prefix", 18]: _prefix,
    NATURAL["ip4_prefix", 5]: _net4,
    NATURAL["ip4_address_with_prefix", 5]: _net4,
    NATURAL["ip6_prefix", 17]: _net6,
    NATURAL["ip6_address_with_prefix", 17]: _net6,
    NATURAL["mac_address", 6]: _mac,
}


# ---- rows --------------------------------------------------------------------------------------


def scatter(packed: bytearray, stride: int, offset: int, width: int, column: bytes) -> None:
    """Puts `width` bytes a row of a column at `offset` of each row of `stride` bytes."""
    np = loaded_numpy()
    if np is not None and width > 1:
        rows = np.frombuffer(packed, np.uint8).reshape(-1, stride)
        rows[:, offset : offset + width] = np.frombuffer(column, np.uint8).reshape(-1, width)
        return
    # A byte of all rows at a time: two loops in C, and no object a row.
    for byte in range(width):
        packed[offset + byte :: stride] = column[byte::width]


def gather(packed: Any, stride: int, offset: int, width: int, *, swap: bool = False) -> bytearray:
    """The reverse; with `swap`, each row's bytes from last to first."""
    column = bytearray(len(packed) // stride * width)
    for byte in range(width):
        place = width - 1 - byte if swap else byte
        column[place::width] = bytes(packed[offset + byte :: stride])
    return column
