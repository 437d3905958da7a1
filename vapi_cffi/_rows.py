"""Rows of requests: one template and columns of what varies, as packed messages."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, islice
from typing import Any

from ._blocks import ArrayTail, StringTail, Tail
from ._codec import MessageCodec
from ._errors import InvalidArgument
from ._layout import Place, find
from ._vectors import RowError, encode, encode_one, is_scalar, plain, scatter
from ._wire import FieldError, Kind, as_bytes, encode_text, shown


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive requests, ready to be sent: all of `stride` bytes, or each of its own `sizes`."""

    first: int  # row
    count: int
    packed: bytes | bytearray
    stride: int
    values: Mapping[str, Any] = field(repr=False)  # what came in, by path
    sizes: array[int] | None = None
    offsets: array[int] | None = None

    def row(self, index: int) -> dict[str, Any]:
        """What the columns had for a row of this batch."""
        return {path: _item(column[index]) for path, column in self.values.items()}


def _item(value: Any) -> Any:
    """A value of an array as an object of Python."""
    return value.tolist() if hasattr(value, "tolist") else value


class Rows:
    """Makes batches of packed messages.

    `template`: the wire bytes of the message. `columns`: by path, values of each row; iterators
    give as many as the longest sequence has, or end the rows if all are iterators; what is no
    sequence is for all rows. Instead of a mapping: a table of pandas or pyarrow, or an iterable of
    mappings, each a row or a batch of rows. `count`: of rows, where no column says so.
    """

    def __init__(
        self, codec: MessageCodec, template: bytes, columns: Any, count: int | None, batch: int
    ) -> None:
        if batch < 1 or (count is not None and count < 0):
            raise InvalidArgument(f"batch and count must not be {batch!r} and {count!r}")
        self._codec = codec
        self._name = codec.name
        self._template = bytearray(template)
        self._batch = batch
        self._places: dict[str, Place] = {}
        self._columns = _table(columns)
        #: How many rows there will be; None if only the end will tell.
        self.total = count
        if isinstance(self._columns, Mapping):
            self._columns = self._settle(self._columns, self._template)
            self.total = self._length(self._columns, count)

    # ---- what is given -------------------------------------------------------------------------

    def _place(self, path: str) -> Place:
        place = self._places.get(path)
        if place is None:
            if not isinstance(path, str):
                raise InvalidArgument(f"{self._name}: a column is named by a path, not {path!r}")
            place = self._places[path] = find(self._codec, path, len(self._template))
        return place

    def _settle(self, columns: Mapping[str, Any], template: bytearray) -> dict[str, Any]:
        """Columns as such, and as iterators; what is one value for all goes into the template."""
        found = {}
        for path, values in columns.items():
            place = self._place(path)
            for offset, also in place.also:
                template[offset : offset + len(also)] = also
            if isinstance(values, Iterator):
                found[path] = values
            elif not is_scalar(values):
                found[path] = plain(values)
            elif isinstance(place.kind, Tail):
                raise InvalidArgument(
                    f"{self._name}.{path}: one value for all rows belongs into the template"
                )
            else:
                try:
                    raw = encode_one(place.kind, values)
                except FieldError as error:
                    raise InvalidArgument(
                        f"{self._name}.{path}{_where(error)}: {error.sentence}"
                    ) from None
                template[place.offset : place.offset + len(raw)] = raw
        return found

    def _length(self, columns: Mapping[str, Any], count: int | None) -> int | None:
        lengths = {path: len(v) for path, v in columns.items() if not isinstance(v, Iterator)}
        if count is not None:
            lengths["count"] = count
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            raise InvalidArgument(f"{self._name}: columns of one length are needed: {said}")
        if not lengths and not columns:
            raise InvalidArgument(f"{self._name}: no column says how many there are: give count=")
        return next(iter(lengths.values()), None)

    # ---- batches -------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Batch]:
        columns = self._columns
        if isinstance(columns, Mapping):
            yield from self._of_columns(columns)
        else:
            yield from self._of_stream(columns)

    def _of_columns(self, columns: Mapping[str, Any]) -> Iterator[Batch]:
        total = self.total
        first = 0
        while total is None or first < total:
            most = self._batch if total is None else min(self._batch, total - first)
            found, count = {}, most
            for path, values in columns.items():
                if isinstance(values, Iterator):
                    found[path] = list(islice(values, most))
                    count = min(count, len(found[path]))
                else:
                    found[path] = values[first : first + most]
            if count < most:
                if total is not None:
                    raise InvalidArgument(
                        f"{self._name}: an iterator ended after {first + count} rows of {total}"
                    )
                found = {path: values[:count] for path, values in found.items()}
            if count:
                yield self.encode(found, count, first, self._template)
            if count < most:
                return
            first += count

    def _of_stream(self, items: Iterable[Any]) -> Iterator[Batch]:
        """Of mappings: rows, which are gathered, and batches."""
        first = 0
        rows: list[Mapping[str, Any]] = []
        for item in items:
            item = _table(item) if hasattr(item, "columns") or hasattr(item, "column") else item
            if not isinstance(item, Mapping):
                raise InvalidArgument(
                    f"{self._name}: rows and batches are mappings of paths, not {shown(item)}"
                )
            is_row = all(is_scalar(value) for value in item.values())
            if rows and (not is_row or item.keys() != rows[0].keys()):
                yield self._of_rows(rows, first)
                first += len(rows)
                rows = []
            if is_row:
                rows.append(item)
                if len(rows) == self._batch:
                    yield self._of_rows(rows, first)
                    first += len(rows)
                    rows = []
                continue
            template = bytearray(self._template)
            columns = self._settle(item, template)
            part = Rows.__new__(Rows)
            part.__dict__ |= self.__dict__ | {"_template": template}
            part.total = self._length(columns, None)
            for batch in part._of_columns(columns):
                yield Batch(
                    first, batch.count, batch.packed, batch.stride, batch.values, batch.sizes,
                    batch.offsets,
                )  # fmt: skip
                first += batch.count
        if rows:
            yield self._of_rows(rows, first)

    def _of_rows(self, rows: Sequence[Mapping[str, Any]], first: int) -> Batch:
        template = bytearray(self._template)
        for path in rows[0]:
            for offset, also in self._place(path).also:
                template[offset : offset + len(also)] = also
        columns = {path: [row[path] for row in rows] for path in rows[0]}
        return self.encode(columns, len(rows), first, template)

    # ---- encoding ------------------------------------------------------------------------------

    def encode(
        self, columns: Mapping[str, Any], count: int, first: int, template: bytearray
    ) -> Batch:
        """A batch of `count` rows. Errors: `InvalidArgument` names column, row and value."""
        places = [(self._place(path), values) for path, values in columns.items()]
        # The family behind the address: whoever gives both means it so.
        places.sort(key=lambda item: item[0].path.endswith(".af"))
        tail = next((item for item in places if isinstance(item[0].kind, Tail)), None)
        head = template if tail is None else template[: self._codec.size]
        stride = len(head)
        packed = head * count
        for place, values in places:
            if isinstance(place.kind, Tail):
                continue
            if place.offset + place.kind.size > stride:
                raise InvalidArgument(f"{self._name}: {place.path} is inside of another column")
            try:
                raw = encode(place.kind, values)
            except RowError as error:
                raise self._wrong(place, first + error.row, error.error) from None
            scatter(packed, stride, place.offset, place.kind.size, raw)
        if tail is None:
            return Batch(first, count, packed, stride, columns)
        return self._with_tails(packed, stride, *tail, Batch(first, count, b"", 0, columns))

    def _with_tails(
        self, packed: bytearray, stride: int, place: Place, values: Any, batch: Batch
    ) -> Batch:
        tails, counts = [], []
        for row, value in enumerate(_item(values)):
            try:
                raw, number = _tail(place.kind, value)
            except FieldError as error:
                raise self._wrong(place, batch.first + row, error) from None
            tails.append(raw)
            counts.append(number)
        count_place = self._codec.count_place()
        if count_place is not None:
            offset, width = count_place
            most = max(counts, default=0)
            if most >= 1 << 8 * width:
                row = counts.index(most)
                reason, item = f"expected at most {(1 << 8 * width) - 1} values", _item(values)[row]
                wrong = FieldError(reason, item, told=f"{most}: {shown(item)}")
                raise self._wrong(place, batch.first + row, wrong)
            column = b"".join([number.to_bytes(width, "big") for number in counts])
            scatter(packed, stride, offset, width, column)
        heads = [packed[at : at + stride] for at in range(0, len(packed), stride)]
        sizes = array("I", [stride + len(raw) for raw in tails])
        offsets = array("I", accumulate(sizes, initial=0))
        joined = b"".join(chain.from_iterable(zip(heads, tails, strict=True)))
        return Batch(batch.first, batch.count, joined, 0, batch.values, sizes, offsets)

    def _wrong(self, place: Place, row: int, error: FieldError) -> InvalidArgument:
        return InvalidArgument(
            f"{self._name}: column {place.path!r}, row {row}{_where(error)}: {error.sentence}"
        )


def _where(error: FieldError) -> str:
    return f" ({''.join(error.path)})" if error.path else ""


def _table(columns: Any) -> Any:
    """A mapping of columns, if it is a table of pandas or pyarrow."""
    if columns is None:
        return {}
    if hasattr(columns, "column_names") and hasattr(columns, "column"):
        return {name: columns.column(name) for name in columns.column_names}
    if hasattr(columns, "columns") and hasattr(columns, "iloc"):
        return {str(name): columns[name] for name in columns.columns}
    if isinstance(columns, str | bytes) or not isinstance(columns, Mapping | Iterable):
        raise InvalidArgument(
            f"columns are a mapping of paths to values, or an iterable of such, "
            f"not {shown(columns)}"
        )
    return columns


def _tail(kind: Kind | Tail, value: Any) -> tuple[bytes, int]:
    """Bytes and number of elements of a value of variable size. Errors: `FieldError`."""
    if isinstance(kind, StringTail):
        raw = encode_text(kind.convert(value) if not isinstance(value, str | bytes) else value)
        return raw, len(raw)
    if isinstance(kind, ArrayTail):
        items = kind.convert(value)
        return kind.many.pack(items), len(items)
    if type(kind) is Tail:
        raw = as_bytes(value)
        return raw, len(raw)
    raise FieldError("expected a path to what varies inside of it", value)
