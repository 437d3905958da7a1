"""What came for an object, and was not freed yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from ._errors import InvalidArgument
from ._keeping import keep
from ._views import lent_of

D = TypeVar("D")


class ResultSet(Generic[D]):
    """What came and was not freed, oldest first: sized, iterable, and indexed.

    `complete`: nothing more will come.
    """

    __slots__ = ("__weakref__", "_items", "complete")

    def __init__(self) -> None:
        self._items: dict[int, D] = {}
        self.complete = False

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[D]:
        """Those that are there now; freeing them meanwhile is fine."""
        return iter(tuple(self._items.values()))

    def __getitem__(self, index: int) -> D:
        return tuple(self._items.values())[index]

    def free_response(self, response: D) -> None:
        """Gives the memory of one back; it is not to be used any more.

        Errors: `InvalidArgument` if it is not in here.
        """
        if self._items.pop(id(response), None) is None:
            raise InvalidArgument(f"this result set has no {response!r}")
        release(response)

    def free_all(self) -> None:
        """Gives the memory of all back."""
        while self._items:
            release(self._items.popitem()[1])

    def add(self, view: D) -> None:
        """For objects: keeps a view."""
        hold(view)
        self._items[id(view)] = view

    def drop_first(self) -> None:
        """For objects: frees the oldest."""
        for first in self._items:
            release(self._items.pop(first))
            return

    def __repr__(self) -> str:
        return f"<ResultSet of {len(self)}{', complete' if self.complete else ''}>"


def hold(view: object) -> None:
    """Keeps what a view shows after the callback that got it."""
    lent = lent_of(view)
    if lent is not None:
        keep(lent)


def release(view: object) -> None:
    """Gives its memory back."""
    lent = lent_of(view)
    if lent is not None:
        lent.release()
