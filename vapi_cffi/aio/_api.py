"""`client.api` of an asyncio client: one function a request, whose answer is awaited."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from .._api import Api as SyncApi
from .._api import Binding, described
from .._blocks import MISFIT
from ._dump import Dump, Stream

if TYPE_CHECKING:
    from ._channel import Channel

#: Requests of one turn that are sent while more of them are made, so that VPP is at work meanwhile.
CHUNK = 128


def channel_of(binding: Binding) -> Channel:
    """The channel of the client that a binding belongs to."""
    return cast("Channel", binding.client.hub)


def make_function(binding: Binding) -> Any:
    """The function of a request, with its documentation and signature."""
    service = binding.service
    if service.details is not None:
        function = _streaming(binding)
    elif service.reply is not None:
        function = _asking(binding)
    else:
        function = _telling(binding)
    return described(function, binding, "Awaitable[{}]")


def _asking(binding: Binding) -> Callable[..., Any]:
    """A request with one reply."""
    channel = channel_of(binding)
    from_bytes, out = int.from_bytes, channel.out

    def ask(value: Any, timeout: float | None, fields: dict[str, Any], raw: bool) -> Future[Any]:
        channel.in_loop()  # says what is wrong
        key = channel.next_context()
        context, index = int.from_bytes(key, "big"), channel.client_index
        message = binding.encode(value, fields, index, context)
        return channel.submit(binding, message, key, raw=raw, timeout=timeout)

    def function(
        value: Any = None, /, *, _timeout: float | None = None, **fields: Any
    ) -> Future[Any]:
        # Where nothing is unusual: `ask`, without its checks and calls. That the right loop is
        # running was looked at by the first request of this turn.
        if value is not None or _timeout is not None or not channel.is_turning:
            return ask(value, _timeout, fields, False)
        key = channel.next_context()
        context = from_bytes(key, "big")
        try:
            message = binding.pack(binding.number, channel.client_index, context, **fields)
        except MISFIT:
            return ask(None, None, fields, False)
        future: Future[Any] = Future(loop=channel.loop)
        channel.queued((key, message, (future, binding, False, False)))
        if not len(out) % CHUNK:
            channel.flush_early()
        return future

    def raw(value: Any = None, /, *, _timeout: float | None = None, **fields: Any) -> Future[Any]:
        """The reply, whatever its retval."""
        return ask(value, _timeout, fields, True)

    made: Any = function
    made.raw = raw
    return function


def _streaming(binding: Binding) -> Callable[..., Any]:
    """A dump or stream: something to iterate over."""
    kind: type[Dump[Any]] = Dump if binding.service.reply is None else Stream

    def function(
        value: Any = None, /, *, _timeout: float | None = None, **fields: Any
    ) -> Dump[Any]:
        return kind(binding, binding.encode(value, fields), _timeout)

    return function


def _telling(binding: Binding) -> Callable[..., Any]:
    """A message without answer. It leaves at the end of the loop's turn."""
    channel = channel_of(binding)

    async def function(
        value: Any = None, /, *, _timeout: float | None = None, **fields: Any
    ) -> None:
        channel.in_loop()
        channel.post(binding.encode(value, fields, channel.client_index))

    return function


class Api(SyncApi):
    """The requests that the connected VPP understands, as functions with keywords.

    >>> await vpp.api.sw_interface_set_flags(sw_if_index=1, flags="admin_up")   # doctest: +SKIP
    SwInterfaceSetFlagsReply(retval=0)

    A request is queued when its function is called, and sent with all others of the same turn of
    the loop; what is returned is its future. As of `vapi_cffi.Client.api`: `.request`, `.reply`,
    `.details`, `.raw()`; dumps and streams are for `async for`.
    """

    _make = staticmethod(make_function)
