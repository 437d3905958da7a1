"""`client.pipeline`: different requests, many in flight, each with its own result."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._arguments import whole
from ._errors import ConnectionLost, InvalidArgument, MisuseError, NoResponse, Timeout, VapiError
from ._hub import Mailbox, lost
from ._timeouts import seconds

if TYPE_CHECKING:
    from ._api import Binding
    from ._client import Client
    from ._table import MessageTable

#: Contexts that are asked for at once.
_BLOCK = 256


class PipelinedCall:
    """A request of a pipeline, and its answer once it is there."""

    __slots__ = ("_binding", "_error", "_items", "_pipeline", "_value", "is_done")

    def __init__(self, pipeline: Pipeline, binding: Binding) -> None:
        self._pipeline = pipeline
        self._binding = binding
        self._value: Any = None
        self._error: BaseException | None = None
        self._items: list[bytes] = []  # details of a dump
        #: Whether the answer is there, or will not come.
        self.is_done = False

    @property
    def name(self) -> str:
        """Of the request."""
        return self._binding.name

    def result(self, timeout: float | None = None) -> Any:
        """The reply, or the list of details of a dump; waits for it, and sends what was not yet.

        `timeout`: seconds without any answer, None: the pipeline's. Errors: `ApiError` for a
        negative retval, `NoResponse`, `Timeout` (it may come later: ask again), `ConnectionLost`.
        """
        if not self.is_done:
            self._pipeline._wait_for(self, timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result` would raise, or None. Errors: `Timeout`."""
        if not self.is_done:
            self._pipeline._wait_for(self, timeout)
        return self._error

    def __repr__(self) -> str:
        state = "waiting" if not self.is_done else repr(self._error or self._value)
        return f"<{self.name}: {state}>"

    # ---- for the pipeline ----------------------------------------------------------------------

    def _take(self, data: bytes) -> bool:
        """An answer; whether it is the last."""
        binding = self._binding
        if binding.service.details is not None and data[:2] == binding.details_id:
            self._items.append(data)
            return False
        try:
            if binding.service.details is not None:
                self._value = binding.details_codec.accept_all(self._items)
                self._items = []
            elif binding.reply_codec is not None:
                if data[:2] != binding.reply_key:
                    data = binding.translated(data)
                self._value = binding.checked(binding.reply_codec.accept(data), data)
        except VapiError as error:
            self._error = error
        self.is_done = True
        return True

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self.is_done = True


class _Expected(set[bytes]):
    """Numbers of messages that answer requests of a pipeline: replies of others as well, which a
    few of VPP's handlers send."""

    def __init__(self, table: MessageTable) -> None:
        super().__init__()
        self._table = table

    def __contains__(self, number: object) -> bool:
        return super().__contains__(number) or (
            isinstance(number, bytes) and self._table.is_reply(int.from_bytes(number, "big"))
        )


class PipelineApi:
    """As `client.api`: a function for each request, which returns a `PipelinedCall`."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def __getattr__(self, name: str) -> Callable[..., PipelinedCall]:
        if name.startswith("__"):
            raise AttributeError(name)
        pipeline = self._pipeline
        binding: Binding = pipeline.client.api[name].binding
        if binding.service.details is not None and binding.service.reply is not None:
            raise InvalidArgument(
                f"{name} is a stream, which may have to ask again: call it outside of pipelines"
            )

        def function(value: Any = None, /, **fields: Any) -> PipelinedCall:
            return pipeline._add(binding, pipeline._encode(binding, value, fields))

        self.__dict__[name] = function
        return function

    def __getitem__(self, name: str) -> Callable[..., PipelinedCall]:
        return getattr(self, name)  # type: ignore[no-any-return]

    def __dir__(self) -> list[str]:
        return dir(self._pipeline.client.api)


class Pipeline:
    """Requests one behind the other, up to `depth` without an answer; use it in a `with`.

    >>> with client.pipeline() as p:                                    # doctest: +SKIP
    ...     loops = [p.api.create_loopback() for _ in range(1000)]
    >>> loops[0].result().sw_if_index                                   # doctest: +SKIP

    VPP sees them in order. They are sent a few at a time, and at the latest when a result is asked
    for or the block ends, which waits for all; errors are told by `result()` of each call. When the
    block is left by an exception, nothing more is sent, and what is under way is not waited for.
    One thread at a time.
    """

    def __init__(self, client: Client, depth: int, timeout: float | None) -> None:
        whole("depth", depth)
        self.client = client
        self.depth = depth
        self.api = PipelineApi(self)
        #: All calls, in order.
        self.calls: list[PipelinedCall] = []
        self._timeout = client.connection.options.timeout if timeout is None else seconds(timeout)
        self._within = client.connection._context  # whose VPP the numbers of messages are for
        self._hub = client.hub
        self._box = Mailbox(())
        self._ids = _Expected(client.connection.message_table)
        self._box.ids = self._ids
        self._offsets: dict[bytes, int] = {}
        self._contexts: list[bytes] = []
        self._out: list[bytes] = []
        self._waiting: dict[bytes, PipelinedCall] = {}
        self._closed = False

    # ---- sending -------------------------------------------------------------------------------

    def _encode(self, binding: Binding, value: Any, fields: dict[str, Any]) -> bytes:
        """A message for the VPP that this pipeline is for. Errors: `ConnectionLost` if that is
        another one by now; `InvalidArgument`."""
        within = binding.context
        message = binding.encode(value, fields)
        if within is not self._within:
            raise ConnectionLost(f"{binding.name}: VPP was lost since this pipeline was made")
        return message

    def _add(self, binding: Binding, message: bytes) -> PipelinedCall:
        if self._closed:
            raise MisuseError(f"{binding.name}: this pipeline has ended")
        call = PipelinedCall(self, binding)
        self.calls.append(call)
        index = self._hub.connection.client_index
        if binding.service.reply is None and binding.service.details is None:
            head = index if "client_index" in binding.codec.header else message[2:6]
            self._out.append(message[:2] + head + message[6:])
            call.is_done = True
        else:
            context = self._context(binding)
            self._waiting[context] = call
            head = index + context
            self._out.append(message[:2] + head + message[10:])
            if binding.service.details is not None:
                self._out.append(binding.ping[0] + head)
        if len(self._out) >= max(self.depth // 4, 1):
            self.flush()
        if len(self._waiting) >= self.depth:
            self._receive(self.depth - max(self.depth // 4, 1), self._timeout)
        return call

    def _context(self, binding: Binding) -> bytes:
        """A new context, known to the hub together with the messages that answer."""
        if binding.service.details is not None:
            self._expect(binding.details_id, binding.details_offset)
            self._expect(binding.ping[1], 2)
        else:
            self._expect(binding.reply_id.to_bytes(2, "big"), binding.context_offset)
        if not self._contexts:
            self._contexts = self._hub.lend(self._box, _BLOCK)
            self._contexts.reverse()
        return self._contexts.pop()

    def _expect(self, number: bytes, offset: int) -> None:
        if number not in self._offsets:
            self._ids.add(number)
            self._offsets[number] = offset
            self._hub.look_at(number, offset)

    def flush(self) -> None:
        """Sends what was not sent yet. Errors: `Timeout`, `ConnectionLost`."""
        out, self._out = self._out, []
        if not out:
            return
        done = 0
        with self.client.watched():
            while done < len(out):
                done += self.client.connection.send_many(out[done:], self._timeout, self._within)

    # ---- receiving -----------------------------------------------------------------------------

    def _receive(self, most: int, timeout: float) -> None:
        """Takes answers until at most so many are missing."""
        while len(self._waiting) > most:
            self._take_some(timeout)

    def _take_some(self, timeout: float) -> None:
        """What is there, waiting for the first."""
        box = self._box
        try:
            with self.client.watched():
                self._hub.wait(box, timeout)
        except Timeout:
            raise Timeout(f"{len(self._waiting)} requests without an answer for {timeout:g} s")
        except VapiError as error:
            for unanswered in self._waiting.values():
                unanswered._fail(lost(error))
            self._waiting.clear()
            raise
        items, offsets, waiting = box.items, self._offsets, self._waiting
        while items:
            data = items.popleft()
            at = offsets.get(data[:2], 2)
            context = data[at : at + 4]
            call = waiting.get(context)
            if call is not None and call._take(data):
                del waiting[context]
                self._contexts.append(context)

    def _wait_for(self, call: PipelinedCall, timeout: float | None) -> None:
        if self._closed:
            raise MisuseError(f"{call.name}: the pipeline ended before the answer came")
        self.flush()
        while not call.is_done:
            self._take_some(self._timeout if timeout is None else timeout)

    def wait(self) -> Self:
        """Sends everything, and waits for all answers. What VPP skipped fails with `NoResponse`.

        Errors: `Timeout` after `timeout` seconds without any answer, `ConnectionLost`.
        """
        if not self._waiting:
            self.flush()
            return self
        # Behind all others: when it is answered, nothing else will be.
        ping = self.client.api["control_ping"].binding
        end = self._add(ping, self._encode(ping, None, {}))
        self.calls.pop()
        self.flush()
        while not end.is_done:
            self._take_some(self._timeout)
        for skipped in self._waiting.values():
            skipped._fail(
                NoResponse(f"{skipped.name}: VPP answered later requests, but not this one")
            )
        self._forget()
        return self

    def _forget(self) -> None:
        """The contexts of answers that are missing are not used again."""
        for context in self._waiting:
            self._hub.forget(context)
        self._waiting.clear()

    # ---- life ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends it; calls without an answer fail. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for call in self._waiting.values():
            call._fail(MisuseError(f"{call.name}: the pipeline ended before the answer came"))
        self._forget()
        for context in self._contexts:
            self._hub.forget(context)
        self._out.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<Pipeline: {len(self.calls)} calls, {len(self._waiting)} under way>"
