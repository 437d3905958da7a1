"""The answers of one dump or stream, packed by the C core (`vapi_collect`): a few crossings for
thousands of messages."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._connection import Connection
from ._context import Context
from ._errors import BadMessage, InvalidArgument, OutOfMemory, Timeout, VapiError, error_for
from ._ffi import ffi, lib
from ._sending import enter
from ._timeouts import EAGAIN, to_ns, wait_in_slices

_buffer = ffi.buffer
_free = lib.free
#: Memory that C fills and nobody reads before that.
_new = ffi.new_allocator(should_clear_after_alloc=False)

#: Messages of one batch, and bytes of what is variable in them, unless said otherwise.
ROWS, TAIL_BYTES = 1024, 256 * 1024
_ALL = 2**32 - 1
#: How often, and for how many nanoseconds, the rest of a dump that was left is looked for.
_LAST_LOOKS, _LAST_LOOK_NS = 8, 1_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and which messages answer it.

    `request`: wire bytes; client_index and context are filled in. `is_dump`: a control ping ends
    it. Of each detail, `head_size` bytes go into one place and the tail into another: `count_place`
    (offset, bytes) of the number of its elements, None if it goes on to the end of the message;
    `element_size` 0 ignores what is behind the head. `whole`: all of a detail is its tail.
    """

    name: str  # of the details
    request: bytes
    details_id: int
    end_id: int
    is_dump: bool = True
    details_offset: int = 2
    end_offset: int = 2
    head_size: int = 0
    count_place: tuple[int, int] | None = None
    element_size: int = 1
    whole: bool = True


@dataclass(slots=True)
class Packed:
    """Details behind each other: `count` heads of the same size, and tails that end at `ends`."""

    count: int
    heads: Any  # bytes, or a memoryview of memory that C has allocated
    tails: Any
    ends: memoryview = field(repr=False)  # of u32

    def split(self) -> list[bytes]:
        """The tails, each an object."""
        ends, tails, count = self.ends, self.tails, self.count
        size = ends[0] if count else 0
        if size and len(tails) == size * count and ends[-1] == len(tails) and _is_even(ends, size):
            return [data for (data,) in struct.iter_unpack(f"{size}s", tails)]
        found, start = [], 0
        for end in ends:
            found.append(tails[start:end])
            start = end
        return found


def pack(question: Question, messages: Sequence[bytes]) -> Packed:
    """Details that are objects already, as a `Collector` would pack them. Errors: `BadMessage`."""
    size = question.head_size
    ends = array("I")
    tails, end, skip = [], 0, 0 if question.whole else size
    for data in messages:
        stop = size + _tail_size(question, data)
        tails.append(data[skip:stop])
        end += stop - skip
        ends.append(end)
    heads = b"".join([data[:skip] for data in messages])
    return Packed(len(messages), heads, b"".join(tails), memoryview(ends))


def _tail_size(question: Question, data: bytes) -> int:
    """Bytes of the tail of a detail; as `measure_tail` of collect.c."""
    rest, each = len(data) - question.head_size, question.element_size
    if not each or rest < 0:
        size = 0
    elif question.count_place is not None:
        at, width = question.count_place
        size = each * int.from_bytes(data[at : at + width], "big")
    else:
        size = rest if not rest % each else rest + 1
    if size > rest:
        raise BadMessage(f"{question.name}: {len(data)} bytes are too few for what it has")
    return size


def _is_even(ends: memoryview, size: int) -> bool:
    """Whether all tails have this size."""
    return ends.tolist() == list(range(size, size * len(ends) + 1, size))


class Collector:
    """One dump or stream under way. `close()` it; what still comes is then dropped.

    `beside`: the context of a socket of its own, where it does not come over the connection itself.
    `rows` and `tail_bytes`: what a batch has room for; with 0 rows, all comes as one batch.
    """

    def __init__(
        self,
        connection: Connection,
        question: Question,
        within: Any = None,
        *,
        rows: int = ROWS,
        tail_bytes: int = TAIL_BYTES,
        beside: Context | None = None,
    ) -> None:
        # `within`: the connection that the numbers are for (`Binding`).
        self._context: Any = within or connection._context if beside is None else beside
        self._is_beside = beside is not None
        self._timeout = connection.options.timeout
        self.question = question
        self._job = job = ffi.new("vapi_collect_t *")
        self._keep = [ffi.from_buffer(question.request)]
        job.request, job.request_size = self._keep[0], len(question.request)
        job.is_dump = question.is_dump
        job.details_id, job.end_id = question.details_id, question.end_id
        job.details_context_offset = question.details_offset
        job.end_context_offset = question.end_offset
        job.head_size, job.element_size = question.head_size, question.element_size
        job.whole = question.whole
        if question.count_place is not None:
            job.count_offset, job.count_width = question.count_place
        job.grows = not rows
        if rows:
            try:
                self._heads = _new("uint8_t[]", 1 if question.whole else rows * question.head_size)
                self._ends = _new("uint32_t[]", rows)
            except MemoryError:
                raise OutOfMemory(f"{question.name}: no memory for {rows} rows at once") from None
            job.heads, job.ends, job.max = self._heads, self._ends, rows
            self._make_room(tail_bytes if question.element_size or question.whole else 1)
        #: The message that ended it.
        self.end: bytes | None = None

    def _make_room(self, size: int) -> None:
        self._tails = _new("uint8_t[]", size)
        self._job.tails, self._job.tails_size = self._tails, size

    def batches(self, timeout: float | None = None, want: int = 1) -> Generator[Packed, None, None]:
        """What comes, until the end, which is in `end` afterwards. `want`: details that a batch
        should have; the last has fewer.

        Errors: `Timeout` after `timeout` seconds without any; `ConnectionLost`, `NotConnected`.
        """
        timeout_ns = to_ns(self._timeout if timeout is None else timeout)
        job = self._job
        job.want = _ALL if job.grows else want
        try:
            while self.end is None:
                self._collect(timeout_ns)
                if job.count and (self.end is not None or not job.grows):
                    yield self._packed()
                self._check()
        except GeneratorExit:
            if self._is_beside:
                self.look_for_the_end()
            raise
        finally:
            self.close()

    def look(self, want: int = ROWS) -> Packed | None:
        """What is there now, without a wait; None: nothing, and it is not the end. Errors: as of
        `batches`."""
        self._check()
        self._job.want = want
        try:
            self._collect(0)
        except Timeout:
            return None
        return self._packed()

    def _packed(self) -> Packed:
        """What the last call brought, or what there is in all."""
        job = self._job
        used, head_size = job.tails_used, 0 if job.whole else job.head_size
        if job.grows:
            # As C has allocated it; it lives as long as somebody looks at it.
            heads, tails, ends = (ffi.gc(memory, _free) for memory in self._take())
            return Packed(
                job.count,
                memoryview(_buffer(heads, job.count * head_size)),
                memoryview(_buffer(tails, used)),
                memoryview(_buffer(ends, 4 * job.count)).cast("I"),
            )
        return Packed(
            job.count,
            _buffer(self._heads, job.count * head_size)[:],
            _buffer(self._tails, used)[:],
            memoryview(_buffer(self._ends, 4 * job.count)[:]).cast("I"),
        )

    def _check(self) -> None:
        """After what the last call brought was seen to."""
        job = self._job
        if job.bad_size:
            name = self.question.name
            raise BadMessage(f"{name}: {job.bad_size} bytes are too few for what it has")
        if job.needed and job.grows:
            raise InvalidArgument(
                f"{self.question.name}: {job.count} of them with {job.tails_used} bytes of nested "
                "values are what fits into 4 GiB and into memory: use batches()"
            )
        if job.needed:
            self._make_room(job.needed)

    def _collect(self, timeout_ns: int) -> None:
        context: Context = self._context
        job = self._job
        slot = enter(context)
        try:

            def attempt(slice_ns: int) -> int:
                context.refuse_if_closing()
                return lib.vapi_collect(slot.ctx, job, slice_ns)  # type: ignore[no-any-return]

            code = wait_in_slices(attempt, timeout_ns)
            if code == EAGAIN:
                raise Timeout(f"no answer for {timeout_ns / 1e9:g} s", code=code)
            if code:
                raise error_for(code, slot.ctx)
            if job.ended:
                body = job.end
                job.end = ffi.NULL
                if not body:
                    raise OutOfMemory("no memory for the message that ended a stream")
                self.end = _buffer(body, job.end_size)[:]
                lib.vapi_msg_free(slot.ctx, body)
        finally:
            context.put(slot)

    def look_for_the_end(self, patience_ns: int = _LAST_LOOK_NS) -> bool:
        """The loop was left early. Mostly little is missing, and here within a moment: whether the
        end came, so that the socket can be used again."""
        self._job.want = self._job.max
        try:
            for _ in range(_LAST_LOOKS):
                if self.end is not None or self._context.closing:
                    break
                self._check()
                try:
                    self._collect(patience_ns)
                except Timeout:
                    if not patience_ns:
                        break
        except VapiError:
            return False  # nobody asks any more
        return self.end is not None

    def close(self) -> None:
        """Gives up what is not there yet. Idempotent."""
        job = self._job
        if job.handle:
            lib.vapi_collect_cancel(self._context.ctx, job)
        if job.grows:
            for memory in self._take():
                _free(memory)

    def _take(self) -> tuple[Any, Any, Any]:
        """What C has allocated. An interrupt here loses some memory, and frees nothing twice."""
        job = self._job
        taken = job.heads, job.tails, job.ends
        job.heads = job.tails = job.ends = ffi.NULL
        return taken
