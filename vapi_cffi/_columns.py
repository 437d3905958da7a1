"""Details as columns: every field an array over one buffer of packed messages, no object a row."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, Any

from ._blocks import ArrayTail, Block, BlockTail, StringTail, StructKind, Tail
from ._codec import MessageCodec
from ._errors import InvalidArgument
from ._layout import find, offsets_of, parts_of
from ._vectors import gather, numpy_module
from ._wire import (
    ArrayKind,
    BoolKind,
    EnumKind,
    FloatKind,
    IntKind,
    Kind,
    Many,
    NaturalKind,
    TextKind,
    text_of,
)

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow


@dataclass(frozen=True, slots=True)
class Leaf:
    """One column: where its values are in each row. `dims`: length and step of the arrays that it
    is in."""

    name: str
    offset: int
    kind: Kind
    dims: tuple[tuple[int, int], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one row."""
        lengths = tuple(length for length, _ in self.dims)
        return lengths if self.is_number or isinstance(self.kind, TextKind) else (
            *lengths, self.kind.size
        )  # fmt: skip

    @property
    def is_number(self) -> bool:
        """An integer, a bool, a float: an item of the array. Others are bytes."""
        return isinstance(self.kind, IntKind | BoolKind | EnumKind | FloatKind)

    @property
    def code(self) -> str:
        """The format of an item, as `struct` has it."""
        if isinstance(self.kind, FloatKind):
            return "d"
        return self.kind.fmt if self.is_number else "B"


def leaves_of(block: Block, start: int, prefix: str = "") -> Iterator[Leaf | tuple[str, Tail]]:
    """The columns of a block that begins at `start`; its tail, if it has one, with its name."""
    for item, offset in offsets_of(block, start):
        name, kind = f"{prefix}{item.api_name}", item.kind
        if isinstance(kind, BlockTail):
            yield from leaves_of(kind.block, offset, f"{name}.")
        elif isinstance(kind, Tail):
            yield name, kind
        else:
            yield from _leaves(name, offset, kind, ())


def _leaves(
    name: str, offset: int, kind: Kind, dims: tuple[tuple[int, int], ...]
) -> Iterator[Leaf]:
    if isinstance(kind, StructKind):
        for item, inner in offsets_of(kind.block, offset):
            if isinstance(item.kind, Kind):
                yield from _leaves(f"{name}.{item.api_name}", inner, item.kind, dims)
    elif isinstance(kind, ArrayKind):
        yield from _leaves(name, offset, kind.element, (*dims, (kind.length, kind.element.size)))
    elif parts := parts_of(kind):
        for part, (inner, part_kind) in parts.items():
            if part == "address" and isinstance(part_kind, NaturalKind) and part_kind.size == 17:
                part_kind = _RAW16  # behind its family, which is a column of its own
                inner += 1
            yield Leaf(f"{name}.{part}", offset + inner, part_kind, dims)
    else:
        yield Leaf(name, offset, kind, dims)


class _Raw(Kind):
    """Bytes as they are."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fmt = f"{size}s"


_RAW16 = _Raw(16)


class Reading:
    """How messages of one kind become columns; `fields`: paths, in the order that the columns
    shall have, None for all.

    Errors: `InvalidArgument` for a path that is none.
    """

    def __init__(
        self, codec: MessageCodec, fields: Sequence[str] | None, *, fixed_only: bool = False
    ) -> None:
        self.codec = codec
        self.leaves: list[Leaf] = []
        self.tail: tuple[str, Tail] | None = None
        known: list[str] = []
        wanted = None if fields is None else [fields] if isinstance(fields, str) else list(fields)
        for item in leaves_of(codec, codec.offset):
            name = item.name if isinstance(item, Leaf) else item[0]
            known.append(name)
            if wanted is not None and not any(_is_in(name, path) for path in wanted):
                continue
            if isinstance(item, Leaf):
                self.leaves.append(item)
            elif not fixed_only:
                self.tail = item
            elif wanted is not None:
                raise InvalidArgument(f"{codec.name}.{name} is of variable size: not kept here")
        for path in wanted or ():
            if not any(_is_in(name, path) for name in known):
                raise InvalidArgument(
                    f"{codec.name} has no column {path!r}: it has {', '.join(known)}"
                )
        self._order = [
            name
            for path in (known if wanted is None else wanted)
            for name in known
            if _is_in(name, path)
        ]

    @property
    def layout(self) -> dict[str, Any]:
        """What the C core must know (`Question`)."""
        size = self.tail[1].element_size if self.tail is not None else 0
        return {
            "head_size": self.codec.size,
            "count_place": self.codec.count_place() if self.tail is not None else None,
            "element_size": size,
            "whole": False,
        }

    def columns(self, rows: int, heads: bytes, tails: bytes = b"", ends: Any = ()) -> Columns:
        """The columns of `rows` packed messages."""
        made: dict[str, Any] = {
            leaf.name: view(leaf, heads, self.codec.size, rows) for leaf in self.leaves
        }
        if self.tail is not None:
            name, kind = self.tail
            made[name] = Nested.of(kind, tails, ends)
        made = {name: made[name] for name in self._order if name in made}
        return Columns(rows, made, {leaf.name: leaf for leaf in self.leaves}, self.codec, heads)


def _is_in(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")


def view(leaf: Leaf, rows: bytes, stride: int, count: int) -> Any:
    """A column: an array of NumPy over the rows themselves (in network order), where NumPy is in
    use; else a memoryview of a copy, in the order of the host."""
    np = numpy_if_there()
    kind, shape = leaf.kind, (count, *leaf.shape)
    if np is not None:
        steps = tuple(step for _, step in leaf.dims)
        strides: tuple[int, ...] = (stride, *steps)
        if isinstance(kind, TextKind):
            dtype = f"S{kind.size}"
        elif leaf.is_number:
            dtype = _dtype(leaf)
        else:
            dtype, strides = "u1", (*strides, 1)
        if not count or not prod(shape):
            return np.empty(shape, dtype)
        return np.ndarray(shape, dtype, buffer=rows, offset=leaf.offset, strides=strides)
    swap = sys.byteorder == "little" and leaf.is_number and not isinstance(kind, FloatKind)
    places = [
        leaf.offset + sum(index * step for index, (_, step) in zip(at, leaf.dims, strict=True))
        for at in product(*(range(length) for length, _ in leaf.dims))
    ]
    each = len(places) * kind.size
    packed = bytearray(count * each)
    for number, offset in enumerate(places):
        for byte in range(kind.size):
            to = number * kind.size + (kind.size - 1 - byte if swap else byte)
            packed[to::each] = rows[offset + byte : count * stride : stride]
    flat: Any = memoryview(packed)
    if isinstance(kind, TextKind):
        shape = (*shape, kind.size)
    if not prod(shape):
        return flat.cast(leaf.code)
    return flat.cast(leaf.code, shape) if len(shape) > 1 else flat.cast(leaf.code)


def numpy_if_there() -> Any:
    """NumPy, if it is installed."""
    try:
        import numpy as np
    except ImportError:
        return None
    return np


def _dtype(leaf: Leaf) -> str:
    kind = leaf.kind
    if isinstance(kind, BoolKind):
        return "?"
    if isinstance(kind, FloatKind):
        return "=f8"
    return f">{'i' if kind.fmt.islower() else 'u'}{kind.size}"


@dataclass(frozen=True, slots=True)
class Nested:
    """A column of variable length: row i has values[offsets[i]:offsets[i + 1]].

    `values`: `Columns` for structs, an array or memoryview for numbers, bytes and text (as UTF-8).
    """

    offsets: Any
    values: Any
    kind: Tail = field(repr=False)
    raw: bytes = field(repr=False)

    @classmethod
    def of(cls, kind: Tail, tails: bytes, ends: Any) -> Nested:
        size = kind.element_size
        np = numpy_if_there()
        offsets: Any
        if np is not None:
            offsets = np.zeros(len(ends) + 1, np.int64)
            offsets[1:] = np.frombuffer(ends, np.uint32) // size if len(ends) else ()
        else:
            offsets = array("q", [0, *(end // size for end in ends)])
        count = len(tails) // size if size else 0
        if not isinstance(kind, ArrayTail):
            values = np.frombuffer(tails, np.uint8) if np is not None else memoryview(tails)
            return cls(offsets, values, kind, tails)
        leaves = list(_leaves("", 0, kind.many.element, ()))
        if len(leaves) == 1 and not leaves[0].name:
            return cls(offsets, view(leaves[0], tails, size, count), kind, tails)
        named = [
            Leaf(leaf.name.removeprefix("."), leaf.offset, leaf.kind, leaf.dims) for leaf in leaves
        ]
        made = {leaf.name: view(leaf, tails, size, count) for leaf in named}
        block = getattr(kind.many.element, "block", None)
        return cls(
            offsets,
            Columns(count, made, {leaf.name: leaf for leaf in named}, block, tails, size),
            kind,
            tails,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def objects(self) -> list[Any]:
        """The values of each row, as objects of the codec."""
        offsets, raw, kind = self.offsets.tolist(), self.raw, self.kind
        size = kind.element_size
        pieces = [bytes(raw[start * size : end * size]) for start, end in pairwise(offsets)]
        if isinstance(kind, ArrayTail):
            return [kind.many.unpack(piece) for piece in pieces]
        return [text_of(piece) for piece in pieces] if isinstance(kind, StringTail) else pieces


class Columns(Mapping[str, Any]):
    """Columns by name: `columns["sw_if_index"]`, `columns["route.prefix.address"]`.

    Numbers, bools and enums (as numbers) are one-dimensional; addresses and other bytes have a row
    of bytes each, (N, 4), (N, 6), (N, 16); arrays of the API a row of items. With NumPy they are
    views over one buffer, in network order (`to_numpy` gives copies in the host's); without,
    memoryviews. What is of variable length is `Nested`. `rows`: their length.

    >>> columns = client.api.sw_interface_dump().columns(["sw_if_index", "l2_address"])
    ...                                                                 # doctest: +SKIP
    >>> columns.texts("l2_address")[0]                                  # doctest: +SKIP
    '02:fe:00:00:00:01'
    """

    def __init__(
        self,
        rows: int,
        columns: dict[str, Any],
        leaves: Mapping[str, Leaf],
        block: Block | None,
        raw: bytes,
        stride: int | None = None,
    ) -> None:
        self.rows = rows
        self._columns = columns
        self._leaves = leaves
        self._block = block
        self._raw = raw
        self._stride = stride if stride is not None else block.size if block is not None else 0

    def __getitem__(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}: there are {', '.join(self._columns)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"<Columns: {self.rows} rows of {', '.join(self._columns)}>"

    # ---- objects -------------------------------------------------------------------------------

    def objects(self, name: str) -> list[Any]:
        """The values of a field as the codec has them: addresses, networks, members of enums.

        `name`: of a column, or of a field whose parts are columns ("route.prefix").
        """
        column = self._columns.get(name)
        if isinstance(column, Nested):
            return column.objects()
        leaf = self._leaves.get(name)
        if leaf is not None and isinstance(leaf.kind, _Raw):
            leaf = None  # its family is beside it
        if leaf is not None and not leaf.dims:
            offset, kind = leaf.offset, leaf.kind
        else:
            offset, kind = self._place(name)
        raw = gather(self._raw, self._stride, offset, kind.size)
        return Many(kind).unpack(bytes(raw))

    def _place(self, name: str) -> tuple[int, Kind]:
        if self._block is not None:
            place = find(self._block, name, self._stride)
            if isinstance(place.kind, Kind):
                return place.offset, place.kind
        raise InvalidArgument(f"{name!r} is no field of constant size here")

    def texts(self, name: str) -> list[str]:
        """As `objects`, each as text: "10.0.0.0/8", "02:fe:00:00:00:01", names of enums."""
        return [_text(value) for value in self.objects(name)]

    # ---- other forms ---------------------------------------------------------------------------

    def to_numpy(self) -> dict[str, numpy.ndarray[Any, Any] | Nested]:
        """Copies by name, contiguous and in the order of the host. Errors: `InvalidArgument`
        without NumPy."""
        np = numpy_module("to_numpy")
        return {name: _native(np, column) for name, column in self._columns.items()}

    def to_arrow(self) -> pyarrow.Table:
        """A table of pyarrow: numbers, names of enums as dictionaries, text, bytes of fixed size;
        nested parts as lists. Errors: `InvalidArgument` without pyarrow."""
        from ._tables import to_arrow

        return to_arrow(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame: numbers, enums as categories, text; addresses, networks and MAC addresses
        as text; nested parts as lists of dicts. Errors: `InvalidArgument` without pandas."""
        from ._tables import to_pandas

        return to_pandas(self)

    def items_with_leaves(self) -> Iterable[tuple[str, Any, Leaf | None]]:
        """Columns with what is known of each; None for what is nested."""
        for name, column in self._columns.items():
            yield name, column, self._leaves.get(name)


def _native(np: Any, column: Any) -> Any:
    if isinstance(column, Nested):
        values = column.values
        inner = (
            {name: _native(np, one) for name, one in values.items()}
            if isinstance(values, Columns)
            else _native(np, values)
        )
        return Nested(np.asarray(column.offsets), inner, column.kind, column.raw)
    return np.ascontiguousarray(column, column.dtype.newbyteorder("="))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    name = getattr(value, "name", None)
    return str(name) if isinstance(name, str) else str(value)


def join(reading: Reading, parts: Iterable[Any]) -> Columns:
    """The columns of several batches of packed details (`Packed`); a single one is not copied."""
    found = list(parts)
    if len(found) == 1:
        (part,) = found
        heads, tails, ends = part.heads, part.tails, part.ends
        if numpy_if_there() is None:
            heads, tails = bytes(heads), bytes(tails)
        return reading.columns(part.count, heads, tails, ends)
    ends, base = array("I"), 0
    for part in found if reading.tail is not None else ():
        ends.extend([base + end for end in part.ends])
        base += len(part.tails)
        if base >= 1 << 32:
            raise InvalidArgument("more than 4 GiB of nested values: use batches()")
    heads = b"".join(part.heads for part in found)
    tails = b"".join(part.tails for part in found)
    return reading.columns(sum(part.count for part in found), heads, tails, ends)
