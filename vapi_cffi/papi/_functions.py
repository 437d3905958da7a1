"""The functions of `client.api`: made when first looked at, so that thousands of messages cost
nothing to a program that sends three of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .._collecting import Packed, Question
from .._errors import VapiError
from ._errors import VPPValueError
from ._message import VPPMessage
from ._packers import MISFIT

if TYPE_CHECKING:
    from ._client import VPPApiClient
    from ._known import Known

#: Makes the function of a request from its message and number.
Make = Callable[[VPPMessage, int], Any]

_DEBUG = logging.DEBUG
_PING_REPLY = "control_ping_reply"
_INTERFACE, _ALL = "vl_api_interface_index_t", 0xFFFFFFFF
#: Keywords of every call that are no fields.
_OWN = ("_timeout", "_no_type_conversion")
#: Longest part of an answer in the log.
_SHOWN = 80


class FuncWrapper(partial[Any]):
    """A function of `client.api`, with its name, and its fields as documentation.

    `_func.msg` is the `VPPMessage` of the request. A `partial` of no arguments, because that is
    called without a frame of its own.
    """

    def __init__(self, func: Any) -> None:
        super().__init__()
        self.__name__: str = func.__name__
        self.__doc__ = func.__doc__

    @property
    def _func(self) -> Any:
        return self.func

    def __repr__(self) -> str:
        return f"<FuncWrapper(func=<{self.__name__}({self.__doc__})>)>"


class VppApiDynamicMethodHolder:
    """`client.api`: one function a request that VPP and the definitions know, and one with `_pack`
    behind its name, which gives the bytes instead of sending them."""

    def __init__(self, client: Known | None = None, make: Make | None = None) -> None:
        self._client = client
        self._make = make

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("__") else self._find(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = found
        return found

    def _find(self, name: str) -> FuncWrapper | None:
        client, make = self.__dict__.get("_client"), self.__dict__.get("_make")
        if client is None or make is None:
            return None
        number = client.number_of(name) if name in client.services else 0
        if number:
            return FuncWrapper(make(client.messages[name], number))
        request = name.removesuffix("_pack")
        number = client.number_of(request) if request in client.services else 0
        if request == name or not number:
            return None
        message = client.messages[request]
        return FuncWrapper(documented(_packing(message, number), message))

    def __dir__(self) -> list[str]:
        client = self._client
        names = [] if client is None else [n for n in client.services if client.number_of(n)]
        return sorted([*names, *(f"{name}_pack" for name in names)])


def documented(function: Any, message: VPPMessage) -> Any:
    function.__name__ = function.__qualname__ = message.name
    function.__doc__ = ", ".join(
        map(" ".join, zip(message.fieldtypes, message.fields, strict=True))
    )
    function.msg = message
    return function


def pack_request(message: VPPMessage, number: int, index: int, context: int, kwargs: Any) -> bytes:
    """A request the careful way. Errors: `VPPValueError` for keywords that are no fields,
    `VPPSerializerValueError`."""
    unknown = kwargs.keys() - message.field_by_name.keys()
    if unknown:
        raise VPPValueError(f"Invalid argument {sorted(unknown)} to {message.name}")
    header = {"_vl_msg_id": number, "client_index": index, "context": context}
    return message.careful({**kwargs, **header})


def _packing(message: VPPMessage, number: int) -> Callable[..., bytes]:
    """`api.X_pack(**fields)`: the bytes of a request, with client_index and context 0."""

    def f(**kwargs: Any) -> bytes:
        given = {name: value for name, value in kwargs.items() if name not in _OWN}
        return pack_request(message, number, 0, 0, given)

    return f


def make_telling(client: VPPApiClient, message: VPPMessage, number: int) -> Callable[..., int]:
    """`do_async`: sends, and returns the context; answers come to the callback."""

    def f(**kwargs: Any) -> int:
        context: int = kwargs.pop("context", None) or client.get_context()
        given = {name: value for name, value in kwargs.items() if name not in _OWN}
        client.log_call(message, given)
        transport = client.transport
        transport.write(pack_request(message, number, transport.socket_index, context, given))
        return context

    return documented(f, message)  # type: ignore[no-any-return]


def make_asking(client: VPPApiClient, message: VPPMessage, number: int) -> Any:
    """Sends, and waits for the answer."""
    asking = Asking(client, message, number, client.services[message.name])
    return documented(_Blocking(client, asking).function(), message)


class Asking:
    """A request and its answers, resolved."""

    def __init__(self, client: Known, message: VPPMessage, number: int, service: Any) -> None:
        self.message = message
        self.number = number
        reply, stream = service["reply"], bool(service.get("stream"))
        self.details: VPPMessage | None = None
        self.is_dump = stream and "stream_msg" not in service
        #: What a dump that is not told an interface asks for: all of them.
        self.unset = _all_interfaces(message) if stream else {}
        if stream:
            self.details = client.messages[reply if self.is_dump else service["stream_msg"]]
        name = _PING_REPLY if self.is_dump else reply
        #: None if nothing comes back.
        self.reply_message: VPPMessage | None = client.messages.get(name)
        self.reply_number = client.number_of(name) or client.ping_numbers.get(name, 0)
        self.reply_offset = 2 if self.reply_message is None else self.reply_message.context_offset


class _Blocking:
    """A request that waits for its answers."""

    def __init__(self, client: VPPApiClient, asking: Asking) -> None:
        self.client = client
        self.asking = asking
        self.message, self.number = asking.message, asking.number

    def function(self) -> Callable[..., Any]:
        """What programs call."""
        client, number, transport = self.client, self.number, self.client.transport
        request = self.message.request()
        ask = self._asking()
        next_context, logger = client.get_context, client.logger
        is_enabled = getattr(logger, "isEnabledFor", _always)
        calls = client.calls_of(self.message.name)
        unset = self.asking.unset

        def f(**kwargs: Any) -> Any:
            started = perf_counter()
            if unset:
                kwargs = with_unset(unset, kwargs)
            debug = is_enabled(_DEBUG)
            if debug:
                client.log_call(self.message, kwargs)
            try:
                context = next_context()
                data = request(number, 0, context, **kwargs)
                timeout, ntc = None, False
            except MISFIT:
                data, context, timeout, ntc = self._careful(kwargs)
            was_lost = transport.lost
            try:
                answer = ask(data, context, timeout, ntc)
            except VapiError as error:
                raise transport.failure(error, was_lost) from error
            if debug:
                text = f"Return value: {answer!r}"
                logger.debug(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
            took = perf_counter() - started
            calls[0] += 1
            calls[1] += took
            if took > calls[2]:
                calls[2] = took
            return answer

        return f

    def _careful(self, kwargs: dict[str, Any]) -> tuple[bytes, int, float | None, bool]:
        """A request whose keywords are not all fields as they should be: its bytes, context,
        timeout, and whether nothing is to be converted."""
        timeout = kwargs.pop("_timeout", None)
        ntc = bool(kwargs.pop("_no_type_conversion", False))
        context: int = kwargs.pop("context", None) or self.client.get_context()
        kwargs.pop("client_index", None)
        return pack_request(self.message, self.number, 0, context, kwargs), context, timeout, ntc

    # ---- the three ways of asking --------------------------------------------------------------

    def _asking(self) -> Callable[..., Any]:
        """`(request, context, timeout, no conversion)` to the answer."""
        asking = self.asking
        if asking.details is not None:
            return self._collecting(asking.details)
        reply = asking.reply_message
        if reply is None:
            return self._posting
        client, transport = self.client, self.client.transport
        number, offset = asking.reply_number, asking.reply_offset
        expected = number.to_bytes(2, "big")
        decode = reply.decoder(context=True)

        def ask(data: bytes, context: int, timeout: float | None, ntc: bool) -> Any:
            connection = transport.connection or transport.inside()  # which raises
            if client.listening:
                answer = transport.call(data, number, offset, timeout)
            else:
                answer = connection.call(data, context_offset=offset, timeout=timeout)
            if answer[:2] != expected:
                # A few of VPP's handlers send the reply of another message.
                answer, other = transport.unexpected(answer, timeout)
                return decode_as(other, answer, context, ntc)
            if ntc:
                return decode_as(reply, answer, context, ntc)
            return decode(answer, context)

        return ask

    def _posting(self, data: bytes, context: int, timeout: float | None, ntc: bool) -> None:
        """Nothing comes back."""
        transport = self.client.transport
        index = transport.socket_index.to_bytes(4, "big")
        transport.write(data[:2] + index + data[6:] if self.message.is_request else data)

    def _collecting(self, details: VPPMessage) -> Callable[..., Any]:
        client, transport = self.client, self.client.transport
        details_id = client.number_of(details.name)
        asking = self.asking
        reply = asking.reply_message
        constant = details.fmt is not None

        def ask(data: bytes, context: int, timeout: float | None, ntc: bool) -> Any:
            size = details.size
            question = Question(
                details.name,
                data,
                details_id,
                asking.reply_number,
                is_dump=asking.is_dump,
                details_offset=details.context_offset,
                end_offset=asking.reply_offset,
                head_size=size if constant else 0,
                element_size=0 if constant else 1,
                whole=not constant,
            )
            limit = transport.read_timeout if timeout is None else timeout
            decode = _many_constant if constant else _many
            found, end = transport.collect(question, limit, decode(details, context, ntc))
            if asking.is_dump or reply is None:
                return found
            return decode_as(reply, end, context, ntc), found

        return ask


def _all_interfaces(message: VPPMessage) -> dict[str, int]:
    """Fields of a request that name an interface and have no default.

    In vpp_papi they happen to have one, ~0, as soon as any message with that default was loaded;
    and programs count on it where it makes sense.
    """
    return {
        item[1]: _ALL
        for item in message.msgdef
        if isinstance(item, list) and item[0] == _INTERFACE and len(item) == 2
    }


def with_unset(unset: dict[str, int], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The fields that are given, None being none, and those of `_all_interfaces` that are not."""
    return unset | {name: value for name, value in kwargs.items() if value is not None}


def decode_as(message: VPPMessage, data: bytes, context: int, ntc: bool = False) -> Any:
    """A message with the context that the program knows the request by."""
    return message.decoder(ntc, context=True)(data, context)


def _many_constant(
    message: VPPMessage, context: int, ntc: bool
) -> Callable[[Packed], Sequence[Any]]:
    """For details of constant size: all of a batch in one sweep."""
    decode = message.sweeper(ntc)

    def sweep(packed: Packed) -> Sequence[Any]:
        found: list[Any] = decode(packed.heads, context)
        return found

    return sweep


def _many(message: VPPMessage, context: int, ntc: bool) -> Callable[[Packed], Sequence[Any]]:
    """For details with a tail."""

    def each(packed: Packed) -> Sequence[Any]:
        decode = message.decoder(ntc, context=True)
        return [decode(data, context) for data in packed.split()]

    return each


def _always(level: int) -> bool:
    """For loggers that are not asked."""
    return True
