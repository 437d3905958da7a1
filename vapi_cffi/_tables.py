"""Columns as tables of pyarrow and pandas, both optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._blocks import ArrayTail, StringTail
from ._columns import Columns, Leaf, Nested
from ._layout import parts_of
from ._values import to_dict
from ._vectors import numpy_module, optional
from ._wire import EnumKind, NaturalKind, TextKind

if TYPE_CHECKING:
    import pandas
    import pyarrow


def to_arrow(columns: Columns) -> pyarrow.Table:
    """See `Columns.to_arrow`."""
    pa = optional("pyarrow", "arrow", "to_arrow")
    np = numpy_module("to_arrow")
    names, arrays = _arrays(pa, np, columns)
    return pa.table(arrays, names=names)


def _arrays(pa: Any, np: Any, columns: Columns) -> tuple[list[str], list[Any]]:
    names, arrays = [], []
    for name, column, leaf in columns.items_with_leaves():
        names.append(name)
        if isinstance(column, Nested):
            arrays.append(_list(pa, np, column))
        elif leaf is not None and isinstance(leaf.kind, TextKind) and not leaf.dims:
            arrays.append(pa.array(columns.texts(name), pa.string()))
        else:
            arrays.append(_array(pa, np, column, leaf))
    return names, arrays


def _array(pa: Any, np: Any, column: Any, leaf: Leaf | None) -> Any:
    column = np.ascontiguousarray(column, column.dtype.newbyteorder("="))
    if leaf is not None and not leaf.is_number and column.dtype.kind == "u":
        width = column.shape[-1]
        flat = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(width), column.size // width if width else 0, [None, pa.py_buffer(column)]
        )
        column = column[..., 0] if width else column
    elif leaf is not None and isinstance(leaf.kind, EnumKind):
        values, codes = np.unique(column.ravel(), return_inverse=True)
        members = leaf.kind.members
        labels = [members[int(value)].name or str(int(value)) for value in values]
        flat = pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(labels, pa.string()))
    else:
        flat = pa.array(column.ravel())
    for length in reversed(column.shape[1:]):
        flat = pa.FixedSizeListArray.from_arrays(flat, length)
    return flat


def _list(pa: Any, np: Any, nested: Nested) -> Any:
    if not isinstance(nested.kind, ArrayTail):
        kind = pa.string() if isinstance(nested.kind, StringTail) else pa.binary()
        return pa.array(nested.objects(), kind)
    offsets = pa.array(nested.offsets.astype(np.int32))
    values = nested.values
    if isinstance(values, Columns):
        names, arrays = _arrays(pa, np, values)
        return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(arrays, names=names))
    return pa.ListArray.from_arrays(offsets, _array(pa, np, values, None))


def to_pandas(columns: Columns) -> pandas.DataFrame:
    """See `Columns.to_pandas`."""
    pd = optional("pandas", "pandas", "to_pandas")
    np = numpy_module("to_pandas")
    found: dict[str, Any] = {}
    for name, column, leaf in columns.items_with_leaves():
        whole = name.rpartition(".")[0]
        if whole in found and whole and _is_whole(columns, whole):
            continue  # a part of what is there as a whole
        if isinstance(column, Nested):
            found[name] = [to_dict(value) for value in column.objects()]
        elif whole and _is_whole(columns, whole):
            found[whole] = columns.texts(whole)
        elif leaf is None or leaf.dims or column.ndim > 1:
            is_address = leaf is not None and isinstance(leaf.kind, NaturalKind) and not leaf.dims
            found[name] = columns.texts(name) if is_address else column.tolist()
        elif isinstance(leaf.kind, TextKind):
            found[name] = columns.texts(name)
        elif isinstance(leaf.kind, EnumKind):
            members = leaf.kind.members
            values, codes = np.unique(column, return_inverse=True)
            labels = [members[int(value)].name or str(int(value)) for value in values]
            found[name] = pd.Categorical.from_codes(codes, labels)
        else:
            found[name] = np.ascontiguousarray(column, column.dtype.newbyteorder("="))
    return pd.DataFrame(found)


def _is_whole(columns: Columns, name: str) -> bool:
    """Whether a field's parts are columns, as those of a prefix are."""
    try:
        return bool(parts_of(columns._place(name)[1]))
    except ValueError:
        return False
