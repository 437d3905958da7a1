"""The `with` of everything that has a `close()`."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self


class Closing:
    """Leaving a `with` block closes, whatever ended it."""

    __slots__ = ()

    if TYPE_CHECKING:

        def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
