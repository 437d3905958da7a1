"""What counters are: by thread, then by index; columns by `[:, index]`."""

from __future__ import annotations

from typing import Any


class StatsCombinedList(list[Any]):
    """Packets and bytes, `[thread][index]`."""

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, tuple):
            return CombinedList([row[item[1]] for row in list.__getitem__(self, item[0])])
        return list.__getitem__(self, item)


class CombinedList(list[Any]):
    """A column of packets and bytes: one pair a thread."""

    def packets(self) -> list[int]:
        return [pair[0] for pair in self]

    def octets(self) -> list[int]:
        return [pair[1] for pair in self]

    def sum_packets(self) -> int:
        return sum(self.packets())

    def sum_octets(self) -> int:
        return sum(self.octets())


class StatsTuple(tuple[int, ...]):
    """Packets and bytes.

    >>> pair = StatsTuple((2, 120))
    >>> pair["packets"], pair["bytes"], pair
    (2, 120, {'packets': 2, 'bytes': 120})
    """

    @property
    def dictionary(self) -> dict[str, int]:
        return {"packets": self[0], "bytes": self[1]}

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return tuple.__getitem__(self, 0 if item == "packets" else 1)
        return tuple.__getitem__(self, item)

    def __repr__(self) -> str:
        return repr(self.dictionary)


class StatsSimpleList(list[Any]):
    """Numbers, `[thread][index]`."""

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, tuple):
            return SimpleList([row[item[1]] for row in list.__getitem__(self, item[0])])
        return list.__getitem__(self, item)


class SimpleList(list[int]):
    """A column of numbers: one a thread."""

    def sum(self) -> int:
        return sum(self)


class StatsHistogramLog2:
    """A histogram whose bins double in width: `bins[thread][bin]`, the first from 2**min_exp on."""

    def __init__(self, bins: list[list[int]], min_exp: int) -> None:
        self.bins = bins
        self.min_exp = min_exp

    def sum(self) -> int:
        return sum(map(sum, self.bins))

    def thread_count(self) -> int:
        return len(self.bins)

    def bin_count(self) -> int:
        return max(map(len, self.bins), default=0)

    def __getitem__(self, thread: int) -> list[int]:
        return self.bins[thread]

    def __repr__(self) -> str:
        return f"StatsHistogramLog2(min_exp={self.min_exp}, bins={self.bins})"
