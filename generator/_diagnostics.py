"""What went wrong, where, and what was expected: one record per finding, collected over a run.

Readers and the resolver add to a `Diagnostics` list and go on as long as that makes sense, so that
one run reports several errors. Whoever owns the list calls `raise_if_errors` at the end of a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

#: More errors than this in one run help nobody; the rest is counted, not printed.
MAX_REPORTED = 20

#: With so many the rest of the input is noise, and would only cost time.
MAX_ERRORS = 100


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a text. `line` and `column` count from 1; 0 means "the file as a whole"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in a JSON document, by path: `("messages", 3, 2)` is the third item of the fourth
    message.

    JSON readers keep no lines, and lines are only wanted when something is wrong. So a pointer is
    what schema records of JSON files carry; `locate` of `_json_positions` turns it into a
    `Location` when it is printed.
    """

    file: str
    path: tuple[str | int, ...] = ()

    def child(self, *steps: str | int) -> Pointer:
        """The pointer to an item inside this one."""
        return Pointer(self.file, self.path + steps)

    def __str__(self) -> str:
        inside = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{self.file}{': ' + inside.lstrip('.') if inside else ''}"


Where = Location | Pointer


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `message` says what is wrong and what was expected, without the place."""

    where: Where
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.severity}: {self.message}"


class ApiError(Exception):
    """One or more errors in API files. `diagnostics` holds them in the order found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        shown = [str(item) for item in self.diagnostics[:MAX_REPORTED]]
        hidden = len(self.diagnostics) - len(shown)
        if hidden > 0:
            shown.append(f"... and {hidden} more")
        super().__init__("\n".join(shown))


class Diagnostics:
    """The findings of one run. Not thread-safe; each run has its own."""

    def __init__(self) -> None:
        self._items: list[Diagnostic] = []
        self._seen: set[tuple[Where, str]] = set()
        self._errors = 0

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors, without the warnings."""
        return [item for item in self._items if item.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        """The warnings, without the errors."""
        return [item for item in self._items if item.severity == "warning"]

    def _add(self, where: Where, message: str, severity: Severity) -> None:
        # A file that several files import is resolved once for each: say it once.
        if (where, message) not in self._seen:
            self._seen.add((where, message))
            self._items.append(Diagnostic(where, message, severity))

    def error(self, where: Where, message: str) -> None:
        """Record an error and go on. Raises `ApiError` after `MAX_ERRORS`."""
        self._add(where, message, "error")
        self._errors += 1
        if self._errors >= MAX_ERRORS:
            self.raise_if_errors()

    def warning(self, where: Where, message: str) -> None:
        """Record a warning; it never stops a run."""
        self._add(where, message, "warning")

    def raise_if_errors(self) -> None:
        """Raise `ApiError` with every error so far, if there is one."""
        errors = self.errors
        if errors:
            raise ApiError(errors)
