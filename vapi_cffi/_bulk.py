"""`client.bulk`: very many requests of one kind, and what became of each."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from . import _retvals
from ._arguments import function, whole
from ._calling import LOST
from ._columns import Columns, Reading
from ._context import Context
from ._errors import ApiError, InvalidArgument, NoResponse, Timeout, VapiError, error_for
from ._ffi import ffi, lib
from ._rows import Batch, Rows
from ._sending import enter
from ._timeouts import EAGAIN, SLICE_NS, to_ns
from ._vectors import loaded_numpy
from ._wire import shown

if TYPE_CHECKING:
    from ._api import Binding
    from ._client import Client

#: Rows that are encoded at once.
BATCH = 2048
#: Failures whose rows are kept; retvals has them all.
MOST_FAILURES = 10_000
#: How long an interrupted bulk waits for what is under way.
_LAST_NS = 2_000_000_000

Progress = Callable[[int, "int | None"], object]


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that VPP refused (`retval`), or did not answer (`lost`)."""

    index: int
    row: Mapping[str, Any]  # what the columns had for it
    retval: int

    @property
    def lost(self) -> bool:
        """VPP answered later requests, but not this one."""
        return self.retval == LOST

    @property
    def symbol(self) -> str:
        """VPP's name of the retval."""
        return "NO_RESPONSE" if self.lost else _retvals.name_of(self.retval) or str(self.retval)

    def __str__(self) -> str:
        shown_row = ", ".join(f"{path}={shown(value)}" for path, value in self.row.items())
        text = "no answer" if self.lost else _retvals.text_of(self.retval)
        where = f"row {self.index} ({shown_row})" if shown_row else f"row {self.index}"
        number = "" if self.lost or self.symbol == str(self.retval) else f" ({self.retval})"
        return f"{where}: {text}: {self.symbol}{number}"


@dataclass(slots=True)
class BulkResult:
    """What became of the rows.

    `retvals`: of each row that was sent, i32, in order (an array of NumPy where it is in use;
    `LOST` where VPP gave no answer); empty with `keep_retvals=False`. `failures`: the first ten
    thousand, with their rows; `failed` and `lost` count them all. `columns`: the fields of the
    replies that were to be kept. `total`: rows that there were, None if a stream was not read to
    its end.
    """

    name: str
    total: int | None = None
    sent: int = 0
    answered: int = 0
    failed: int = 0
    lost: int = 0
    seconds: float = 0.0
    retvals: Any = field(default_factory=lambda: array("i"), repr=False)
    failures: list[Failure] = field(default_factory=list, repr=False)
    columns: Columns | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """All rows were sent, answered, and answered well."""
        return self.answered == self.total and not self.failed and not self.lost

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def raise_for_errors(self) -> BulkResult:
        """The result itself. Errors: `ApiError`, `NoResponse` about the first failure."""
        if not self.failures:
            return self
        first = self.failures[0]
        text = f"{self.name}: {self.failed + self.lost} of {self.sent} failed, the first is {first}"
        if first.lost:
            raise NoResponse(text)
        error = ApiError(text, retval=first.retval)
        error.symbol, error.message = first.symbol, self.name
        raise error


class BulkInterrupted(KeyboardInterrupt):
    """Ctrl-C: nothing more was sent; `result` says how far it got."""

    def __init__(self, result: BulkResult) -> None:
        of = "" if result.total is None else f" of {result.total}"
        super().__init__(
            f"{result.name}: stopped after {result.sent}{of} requests, "
            f"{result.answered} of them answered, {result.failed} with errors"
        )
        self.result = result


class Bulk:
    """One run of `client.bulk`."""

    def __init__(
        self,
        binding: Binding,
        rows: Rows,
        *,
        within: Any,
        depth: int,
        keep: bool | str | Sequence[str],
        stop_on_error: bool,
        keep_retvals: bool,
        timeout: float | None,
    ) -> None:
        reply = binding.reply_codec
        if binding.service.details is not None or reply is None:
            raise InvalidArgument(f"{binding.name} has not one reply each: bulk is not for it")
        whole("depth", depth)
        self._binding, self._rows = binding, rows
        self._context = within
        self._told = 0
        self._depth, self._stop = depth, stop_on_error
        self._keep_retvals = keep_retvals
        self._timeout_ns = to_ns(binding.client.connection.options.timeout
                                 if timeout is None else timeout)  # fmt: skip
        self._reading: Reading | None = None
        if keep:
            fields = None if keep is True else [keep] if isinstance(keep, str) else list(keep)
            self._reading = Reading(reply, fields, fixed_only=True)
        self._kept: list[bytes] = []
        self._retvals = array("i")
        self.result = BulkResult(binding.name, rows.total)

    def run(self, progress: Progress | None) -> BulkResult:
        """All batches, each encoded while VPP still works on the one before."""
        result, started = self.result, perf_counter()
        flying: list[_Flight] = []
        exhausted = False
        try:
            for batch in self._rows:
                flying.append(_Flight(self, batch, flying[-1] if flying else None))
                self._fly(flying[-1], flying[-1].ahead, progress)
                if len(flying) > 1:
                    self._land(flying, progress)
                if self._stop and (result.failed or flying[-1].job.failed):
                    break
            else:
                exhausted = True
            while flying:
                self._land(flying, progress)
            if exhausted:
                result.total = result.sent
        except KeyboardInterrupt:
            self._give_up(flying, _LAST_NS)
            result.seconds = perf_counter() - started
            self._finish()
            raise BulkInterrupted(result) from None
        except BaseException as error:
            # After a timeout VPP has had its time.
            self._give_up(flying, 0 if isinstance(error, Timeout) else _LAST_NS)
            result.seconds = perf_counter() - started
            self._finish()
            if isinstance(error, VapiError):
                error.result = result
                if result.sent:
                    error.add_note(
                        f"{result.name}: {result.sent} were sent, {result.answered} answered"
                    )
            raise
        result.seconds = perf_counter() - started
        self._finish()
        return result

    # ---- one batch -----------------------------------------------------------------------------

    def _fly(self, flight: _Flight, ahead: int, progress: Progress | None) -> None:
        """Pumps a batch until all but `ahead` of it is answered."""
        context = flight.context
        job = flight.job
        job.ahead = ahead
        before = self.result.answered + sum(f.job.received for f in flight.before())
        seen, moved_at = -1, monotonic()
        while not flight.done:
            self._tell(progress, before + job.received)
            slot = enter(context)
            try:
                code = lib.vapi_pump(slot.ctx, job, min(self._timeout_ns, SLICE_NS))
                if code not in (0, EAGAIN):
                    raise error_for(code, slot.ctx)
            finally:
                context.put(slot)
            flight.done = code == 0
            if flight.done or (ahead and job.sent == flight.count and flight.flying <= ahead):
                return
            context.refuse_if_closing()
            now = monotonic()
            if job.received + job.lost != seen:
                seen, moved_at = job.received + job.lost, now
            elif (now - moved_at) * 1e9 >= self._timeout_ns:
                raise Timeout(f"{self.result.name}: no answer for {self._timeout_ns / 1e9:g} s")

    def _land(self, flying: list[_Flight], progress: Progress | None) -> None:
        """Waits for the rest of the first batch, and notes what became of it."""
        flight = flying[0]
        self._fly(flight, 0, progress)
        self._record(flight)
        for later in flying[1:]:
            later.forget(flight)
        del flying[0]
        self._tell(progress, self.result.answered)

    def _tell(self, progress: Progress | None, answered: int) -> None:
        """Never less than before: answers of the next batch may have been told already."""
        if progress is not None:
            self._told = max(self._told, answered)
            progress(self._told, self.result.total)

    def _give_up(self, flying: list[_Flight], timeout_ns: int) -> None:
        """Sends no more; what is under way may still come, for a while."""
        self._timeout_ns = min(self._timeout_ns, timeout_ns)
        for flight in flying:
            job = flight.job
            try:
                if job.handle:
                    job.count = job.sent
                    self._fly(flight, 0, None)
            except VapiError:
                pass  # the error that led here is the one to tell
            finally:
                if job.handle:
                    self._binding.client.connection._loose = object()
                    lib.vapi_pump_cancel(flight.context.ctx, job)
                self._record(flight)

    def _record(self, flight: _Flight) -> None:
        result, job = self.result, flight.job
        if flight.recorded:
            return
        flight.recorded = True
        result.sent += job.sent
        result.answered += job.received
        result.failed += job.failed
        result.lost += job.sent - job.received
        retvals = flight.retvals[: job.sent]
        tap = self._binding.client.connection.tap
        if tap is not None:
            sizes = flight.batch.sizes or [flight.batch.stride] * job.sent
            tap.packed(flight.batch.packed, sizes[: job.sent])
            tap.counted(job.reply_id, job.received, retvals)
        if job.failed or job.received < job.sent:
            for index, retval in enumerate(retvals):
                if len(result.failures) >= MOST_FAILURES:
                    break
                if retval < 0:
                    row = flight.batch.row(index)
                    result.failures.append(Failure(flight.batch.first + index, row, retval))
        if self._keep_retvals:
            self._retvals.extend(retvals)
        if flight.replies is not None:
            self._kept.append(ffi.buffer(flight.replies, job.sent * job.reply_stride)[:])

    # ---- the end -------------------------------------------------------------------------------

    def _finish(self) -> None:
        result = self.result
        np = loaded_numpy()
        result.retvals = self._retvals if np is None else np.asarray(self._retvals)
        if self._reading is not None:
            result.columns = self._reading.columns(result.sent, b"".join(self._kept))


class _Flight:
    """A batch under way: the pump, and the memory that it refers to."""

    def __init__(self, bulk: Bulk, batch: Batch, before: _Flight | None) -> None:
        binding = bulk._binding
        self.batch = batch
        self.context: Context = bulk._context
        self.count = batch.count
        self.done = self.recorded = False
        self.retvals = array("i", [LOST]) * batch.count
        self.replies: Any = None
        self._before = before
        self.job = job = ffi.new("vapi_pump_t *")
        self._bytes = ffi.from_buffer(batch.packed)
        job.bytes, job.stride = ffi.cast("const uint8_t *", self._bytes), batch.stride
        if batch.sizes is not None:
            self._sizes = ffi.from_buffer("uint32_t[]", batch.sizes)
            self._offsets = ffi.from_buffer("uint32_t[]", batch.offsets)
            job.sizes, job.offsets = self._sizes, self._offsets
        job.count, job.depth = batch.count, bulk._depth
        job.reply_id, job.context_offset = binding.reply_id, binding.context_offset
        job.retval_offset = binding.retval_offset or 0
        job.stop_on_error = bulk._stop
        self._c_retvals = ffi.from_buffer("int32_t[]", self.retvals, require_writable=True)
        job.retvals = self._c_retvals
        if bulk._reading is not None:
            stride = bulk._reading.codec.size
            self.replies = ffi.new("uint8_t[]", max(batch.count * stride, 1))
            job.replies, job.reply_stride = self.replies, stride
        if before is not None:
            job.before = before.job
        self.ahead = min(bulk._depth // 2, batch.count)

    @property
    def flying(self) -> int:
        """Requests that are out, and unanswered."""
        return int(self.job.sent - self.job.received - self.job.lost)

    def before(self) -> list[_Flight]:
        """The batch before this one, as long as it is under way."""
        return [] if self._before is None else [self._before]

    def forget(self, before: _Flight) -> None:
        """That one has landed; it would keep the one before it, and so on: all that was sent."""
        if self._before is before:
            self._before, self.job.before = None, ffi.NULL


@contextmanager
def reporting(progress: bool | Progress | None, name: str) -> Iterator[Progress | None]:
    """A bar in a terminal (True), or the function that is to be called."""
    if progress is not True:
        yield progress or None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bar(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def bulk(
    client: Client,
    name: str,
    template: Any,
    columns: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None,
    fields: dict[str, Any],
    *,
    count: int | None,
    depth: int,
    keep: bool | str | Sequence[str],
    stop_on_error: bool,
    keep_retvals: bool,
    progress: bool | Progress | None,
    timeout: float | None,
    batch: int,
) -> BulkResult:
    """See `Client.bulk`."""
    whole("batch", batch)
    if not isinstance(progress, bool):
        function("progress", progress)
    if count is not None:
        whole("count", count, 0)
    binding = client.api[name].binding
    within = binding.context
    if isinstance(template, Mapping):
        template, fields = None, {**template, **fields}
    message = binding.encode(template, fields)
    rows = Rows(binding.codec, message, columns, count, batch)
    run = Bulk(
        binding,
        rows,
        within=within,
        depth=depth,
        keep=keep,
        stop_on_error=stop_on_error,
        keep_retvals=keep_retvals,
        timeout=timeout,
    )
    with client.watched(), reporting(progress, name) as report:
        return run.run(report)
