"""`vapi bulk`: one kind of request for each row of a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from ._complete import fields
from ._options import (
    Format,
    Target,
    fields_argument,
    message_argument,
    output_options,
    target_options,
)

if TYPE_CHECKING:
    from .._codec import MessageCodec
    from ._table import Failures, Line, Source

#: Rows between two looks at the state file.
CHUNK = 8192
#: Different values of a column that are remembered.
_KNOWN = 1000
#: Errors of a dry run that are listed.
_LISTED = 20


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi bulk ip_route_add_del_v2 is_add=true --columns routes.csv\n"
    "  vapi bulk ip_route_add_del_v2 --columns routes.csv --dry-run\n"
    "  vapi bulk ip_route_add_del_v2 --columns routes.csv --resume routes.state\n"
    "  make-routes | vapi bulk ip_route_add_del_v2 -c - --template @route.json\n"
    "\n\b\n"
    "The head of the CSV has paths of fields:\n"
    "  route.prefix,route.paths[0].sw_if_index,route.paths[0].nh.address.ip4\n"
    "  10.0.1.0/24,1,10.0.0.2\n"
    "JSON has an object a line, or an array of them.\n"
    "\n"
    "Rows that VPP refuses are written to the file of --failures, which can be given to\n"
    "--columns again. Exits with 1 if there were any. With --resume a run that was\n"
    "interrupted goes on behind the last row that was answered."
)
@message_argument
@fields_argument(fields)
@click.option(
    "--columns",
    "-c",
    required=True,
    metavar="FILE|-",
    type=click.Path(allow_dash=True),
    help="What varies: CSV or JSON, a row each.",
)
@click.option("--template", metavar="JSON|@FILE", help="What all rows share, as JSON.")
@click.option(
    "--failures",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Where rows that fail go. Default: the name of --columns with .failed.csv.",
)
@click.option("--dry-run", is_flag=True, help="Check all rows; send nothing.")
@click.option(
    "--resume", metavar="STATE", type=click.Path(dir_okay=False), help="Go on where STATE ends."
)
@click.option(
    "--depth", type=click.IntRange(1), default=256, show_default=True, help="Requests in flight."
)
@click.option("--stop-on-error", is_flag=True, help="Send no more after a failure.")
@output_options("table", "json", "yaml")
@target_options
def command(
    message: str,
    fields: tuple[str, ...],
    columns: str,
    template: str | None,
    failures: str | None,
    dry_run: bool,
    resume: str | None,
    depth: int,
    stop_on_error: bool,
    output: Format,
    target: Target,
) -> int:
    """Send a request for each row of a file, many of them in flight.

    FIELD=VALUE and --template are what all rows share.
    """
    from ._fields import parse
    from ._requests import function_of
    from ._table import Failures, Source

    source = Source(columns)
    with target.connect() as client:
        function = function_of(client, message, ("call",))
        codec = function.binding.codec
        shared = [*([template] if template else []), *fields]
        parse(codec, shared)  # says what is wrong with them before anything is sent
        if dry_run:
            return _dry(codec, source, shared)
        state = State(resume, message, shared, source)
        failed = Failures(failures or _failures_of(columns))
        run = Run(client, codec, shared, failed, depth, stop_on_error)
        try:
            with _bar(f"{message}", source, state.done) as advance:
                run.all(source, state, advance)
        finally:
            failed.close()
            _summary(run, output)
    return 1 if run.failed else 0


def _failures_of(columns: str) -> str:
    return "bulk.failed.csv" if columns == "-" else f"{Path(columns).stem}.failed.csv"


class State:
    """How far a run came, in a file; without one, nowhere."""

    def __init__(
        self, path: str | None, message: str, shared: Sequence[str], source: Source
    ) -> None:
        self._path = None if path is None else Path(path)
        self._facts = {"message": message, "shared": list(shared), "file": source.fingerprint()}
        self.done = 0
        if self._path is not None and self._path.exists():
            self._read(self._path)

    def _read(self, path: Path) -> None:
        from .._errors import InvalidArgument

        try:
            found = json.loads(path.read_bytes())
            facts = {name: found[name] for name in self._facts}
            self.done = int(found["done"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise InvalidArgument(f"{path} is no state of `vapi bulk`: {error!r}") from None
        for name, value in self._facts.items():
            if facts[name] != value:
                raise InvalidArgument(
                    f"{path} belongs to another run: its {name} is {facts[name]!r}, not {value!r}"
                )

    def save(self, done: int) -> None:
        """So many rows need not be sent again."""
        self.done = done
        if self._path is None:
            return
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        temporary.write_text(json.dumps({**self._facts, "done": done}) + "\n", encoding="utf-8")
        temporary.replace(self._path)


class Run:
    """A run, and its numbers."""

    def __init__(
        self,
        client: Any,
        codec: MessageCodec,
        shared: Sequence[str],
        failures: Failures,
        depth: int,
        stop_on_error: bool,
    ) -> None:
        self._client = client
        self._codec = codec
        self._shared = shared
        self.failures = failures
        self._options = {"depth": depth, "stop_on_error": stop_on_error}
        self.skipped = self.answered = self.failed = 0
        self.seconds = 0.0
        self.stopped = False

    def all(self, source: Source, state: State, advance: Callable[[int], None]) -> None:
        """Everything behind the state. Errors as of `client.bulk`; the state is then saved."""
        from ._table import chunks

        self.skipped = state.done
        begin = monotonic()
        for part in chunks(islice(source, state.done, None), CHUNK):
            if self.stopped:
                break
            base = state.done
            try:
                result = self._part(part, source, base, advance)
            except BaseException as error:
                result = getattr(error, "result", None)
                if result is not None:
                    self._note(result, part)
                    state.save(base + result.answered)
                raise
            finally:
                self.seconds = monotonic() - begin
            self._note(result, part)
            state.save(base + result.answered)
            advance(state.done)

    def _part(
        self, part: Sequence[Line], source: Source, base: int, advance: Callable[[int], None]
    ) -> Any:
        from .._errors import InvalidArgument

        try:
            return self._client.bulk(
                self._codec.name,
                _example(self._codec, self._shared, part[0], source.name),
                columns_of(self._codec, part, source.name),
                progress=lambda answered, _: advance(base + answered),
                **self._options,
            )
        except InvalidArgument as error:
            if "line" in str(error):
                raise
            lines = f"{source.name} lines {part[0].number} to {part[-1].number}"
            raise InvalidArgument(f"{lines}: {error}") from None

    def _note(self, result: Any, part: Sequence[Line]) -> None:
        self.answered += result.answered
        self.failed += result.failed + result.lost
        for failure in result.failures:
            line = part[failure.index]
            self.failures.add(line, None if failure.lost else failure.retval, str(failure.symbol))
        if self._options["stop_on_error"] and result.failures:
            self.stopped = True


def _example(codec: MessageCodec, shared: Sequence[str], line: Line, name: str) -> dict[str, Any]:
    """The template: what all rows share, and the first one, which has all elements of arrays.

    Errors: `InvalidArgument` names the line."""
    from .._errors import InvalidArgument
    from ._fields import parse_tree, put, split_path, values_of

    tree = parse_tree(shared)
    try:
        for path, value in line.row.items():
            put(tree, split_path(path), value)
        return values_of(codec, tree)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name} line {line.number}: {error}") from None


def columns_of(codec: MessageCodec, part: Sequence[Line], name: str) -> dict[str, Sequence[Any]]:
    """Columns of values for `client.bulk`. Errors: `InvalidArgument` names line and column."""
    from .._errors import InvalidArgument
    from .._wire import FieldError, NaturalKind, TextKind
    from ._fields import convert, split_path
    from ._values import kind_at

    found: dict[str, Sequence[Any]] = {}
    columns = zip(*(line.cells for line in part), strict=True)
    for path, column in zip(part[0].names, columns, strict=True):
        kind = kind_at(codec, split_path(path))
        numbers = _numbers(kind, column)
        if numbers is not None or isinstance(kind, NaturalKind | TextKind):
            found[path] = column if numbers is None else numbers
            continue
        values = found[path] = []
        known: dict[str, Any] = {}
        for line, cell in zip(part, column, strict=True):
            value = known.get(cell) if type(cell) is str else None
            if value is None:
                try:
                    value = convert(kind, cell)
                except FieldError as error:
                    raise InvalidArgument(
                        f"{name} line {line.number}: {codec.name}.{path}{error}"
                    ) from None
                if type(cell) is str and len(known) < _KNOWN:
                    known[cell] = value
            values.append(value)
    return found


def _numbers(kind: Any, column: Sequence[Any]) -> list[int] | None:
    """A column of plain numbers, fast; None if it is another one, or needs a careful look."""
    from .._wire import IntKind

    if not isinstance(kind, IntKind) or set(map(type, column)) != {str}:
        return None
    try:
        numbers = [int(cell) for cell in column]
    except ValueError:
        return None
    return numbers if min(numbers) >= kind.low and max(numbers) <= kind.high else None


def _dry(codec: MessageCodec, source: Source, shared: Sequence[str]) -> int:
    """Encodes every row; lists the first errors."""
    from .._errors import InvalidArgument

    good = wrong = 0

    def note(error: InvalidArgument) -> None:
        nonlocal wrong
        wrong += 1
        if wrong <= _LISTED:
            click.echo(str(error), err=True)

    source.on_wrong = note
    for line in source:
        try:
            codec.encode(0, _example(codec, shared, line, source.name))
            good += 1
        except InvalidArgument as error:
            note(error)
    if wrong > _LISTED:
        click.echo(f"... and {wrong - _LISTED} more", err=True)
    click.echo(f"{good + wrong} rows, {wrong} of them wrong; nothing was sent")
    return 1 if wrong else 0


@contextmanager
def _bar(text: str, source: Source, done: int) -> Iterator[Callable[[int], None]]:
    """A bar with the rate on standard error, if that is a terminal."""
    with ExitStack() as stack:
        if not sys.stderr.isatty():
            yield lambda now: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        from ._output import rate

        class Rate(ProgressColumn):
            """Rows a second, of the last seconds."""

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text("-/s" if speed is None else f"{rate(speed)}/s")

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:,.0f} rows"),
            Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        stack.enter_context(bar)
        task = bar.add_task(text, total=source.count(), completed=done)
        yield lambda now: bar.update(task, completed=now)


def _summary(run: Run, output: Format) -> None:
    from ._output import print_object, rate

    speed = run.answered / run.seconds if run.seconds else 0.0
    if output != "table":
        facts = {
            "answered": run.answered,
            "failed": run.failed,
            "skipped": run.skipped,
            "seconds": round(run.seconds, 3),
            "rate_per_s": round(speed, 1),
            "failures": run.failures.path if run.failures.count else None,
        }
        print_object({}, facts, output)
        return
    words = [f"{run.answered:,} answered"]
    if run.skipped:
        words.insert(0, f"{run.skipped:,} were done before")
    words.append(f"{run.failed:,} failed" + (f", see {run.failures.path}" if run.failed else ""))
    click.echo(f"{'; '.join(words)}; {run.seconds:.2f} s, {rate(speed)}/s")
