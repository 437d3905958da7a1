"""What a dump brings, as rows: chosen columns, conditions, an order, a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from .._blocks import Block
from .._wire import FloatKind, IntKind
from ._fields import split_path
from ._options import Format
from ._values import Getter, getter, kind_at, leaf_paths, plain, sort_key, text
from ._where import Condition

#: Columns that a table shows unless others are asked for, of details that have very many.
_CHOSEN = {
    "sw_interface_details": "sw_if_index,interface_name,flags,mtu[0],l2_address,tag",
    "ip_route_v2_details": "route.table_id,route.prefix,route.src,route.paths",
    "ip_route_details": "route.table_id,route.prefix,route.paths",
    "ip_address_details": "sw_if_index,prefix",
    "bridge_domain_details": "bd_id,bd_tag,flood,uu_flood,forward,learn,arp_term,mac_age,n_sw_ifs",
}


def split_columns(given: Iterable[str]) -> list[str]:
    """`--columns a,b --columns c` as a list."""
    return [name.strip() for some in given for name in some.split(",") if name.strip()]


class Rows:
    """How the details of one dump are chosen, ordered and shown.

    Errors: `InvalidArgument` names what is no field of the details.
    """

    def __init__(
        self,
        block: Block,
        *,
        columns: Sequence[str] = (),
        where: Sequence[str] = (),
        sort: Sequence[str] = (),
        limit: int | None = None,
    ) -> None:
        self.chosen = list(columns)
        self.paths = self.chosen or _default(block)
        self._getters = [getter(block, path) for path in self.paths]
        self.all_paths = leaf_paths(block)
        self.numbers = [i for i, path in enumerate(self.paths) if _is_number(block, path)]
        self._where = [Condition(text, block) for text in where]
        self._sort = [_order(block, path) for path in sort]
        self._limit = limit
        self._block = block

    def select(self, details: Iterable[Any]) -> Iterator[Any]:
        """The details that are wanted, in order. Without `sort` they stream."""
        found: Iterable[Any] = details
        if self._where:
            tests = self._where
            found = (item for item in found if all(test(item) for test in tests))
        if self._sort:
            ordered = list(found)
            for get, backwards in reversed(self._sort):
                ordered.sort(key=lambda item: sort_key(get(item)), reverse=backwards)
            found = ordered
        return islice(found, self._limit)

    def cells(self, item: Any) -> list[str]:
        """A row of a table."""
        return [text(get(item)) for get in self._getters]

    def plain_cells(self, item: Any) -> list[Any]:
        """A row of CSV."""
        return [plain(get(item)) for get in self._getters]

    def plain(self, item: Any) -> Any:
        """An object of JSON or YAML: with the chosen columns by their paths, or whole."""
        if not self.chosen:
            return plain(item)
        return dict(zip(self.paths, self.plain_cells(item), strict=True))

    def for_output(self, output: Format) -> Rows:
        """CSV has all columns, unless some were chosen."""
        if output == "csv" and not self.chosen:
            self.paths = self.all_paths
            self._getters = [getter(self._block, path) for path in self.paths]
        return self


def _default(block: Block) -> list[str]:
    chosen = _CHOSEN.get(block.name)
    if chosen is not None:
        names = chosen.split(",")
        # Another release of VPP may lack one.
        return [name for name in names if str(split_path(name)[0]) in block.by_name]
    return leaf_paths(block)


def _order(block: Block, path: str) -> tuple[Getter, bool]:
    return getter(block, path.removeprefix("-")), path.startswith("-")


def _is_number(block: Block, path: str) -> bool:
    return isinstance(kind_at(block, split_path(path)), IntKind | FloatKind)
