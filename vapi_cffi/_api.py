"""`client.api`: one function a request, made when first looked at, as typed as the definitions."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from difflib import get_close_matches
from logging import DEBUG
from typing import TYPE_CHECKING, Any

from . import _retvals
from ._arguments import word
from ._blocks import MISFIT, request_name
from ._codec import MessageCodec, check_release, same_message
from ._context import NoContext
from ._definitions import Service
from ._dump import Dump, Stream, cursor_offset
from ._errors import (
    ApiError,
    BadMessage,
    InvalidArgument,
    MessageUnavailable,
    NoSuchMessage,
    Timeout,
    VapiError,
)
from ._hub import lost
from ._outline import outline, parameters
from ._table import CONTROL_PING, CONTROL_PING_REPLY
from ._timeouts import named
from ._values import ApiMessage
from ._wire import shown

if TYPE_CHECKING:
    from ._base_client import BaseClient

log = logging.getLogger("vapi_cffi")


class Binding:
    """A request and its answers, with the numbers that the connected VPP has for them.

    The next VPP may have others, and what is one message here another one there. So `context` is
    the very connection that the numbers are for, on which alone they may be sent: take it first,
    then the numbers.
    """

    def __init__(self, client: BaseClient, name: str) -> None:
        self.client = client
        self.name = name
        self.codec: MessageCodec
        self.service: Service
        self.reply_codec: MessageCodec | None = None
        self.details_codec: MessageCodec
        self.call: Callable[..., bytes]
        self.pack: Callable[..., bytes]
        self.accept: Callable[[bytes], Any]
        self.context: Any = None
        self.missing: VapiError | None = None
        self.resolve()

    def resolve(self) -> None:
        """Looks everything up; again after a reconnect, when the numbers may be others.

        Errors: `NoSuchMessage` says what is missing; the calls then raise it too.
        """
        context = self.client.connection._context
        try:
            self._resolve()
        except VapiError as error:
            self.missing, self.pack = error, _raising(error)
            self.context = NoContext(error.text, type(error))
            raise
        self.missing = None
        self.context = context  # last: see above

    def _resolve(self) -> None:
        client, connection = self.client, self.client.connection
        scope, codec = client.sources.find(connection, self.name)
        service = scope.set.service(self.name)
        if service is None:
            raise NoSuchMessage(f"{self.name!r} is no request: no service starts with it")
        table = connection.message_table
        self.codec, self.service = codec, service
        self.pack = codec.fast_encode
        self.number = table[codec.name_crc]
        self.call = connection.call
        self.reply_id, self.context_offset, self.retval_offset = 0, 2, None
        self.reply_key = b""
        self.cursor_offset = 0
        if service.reply is not None:
            reply = client.message_codec(service.reply)
            self.reply_codec = reply
            self.accept = reply.accept
            self.reply_id = table[reply.name_crc]
            self.reply_key = self.reply_id.to_bytes(2, "big")
            self.context_offset = 2 if reply.context_offset is None else reply.context_offset
            client.hub.look_at(self.reply_key, self.context_offset)
            self.retval_offset = reply.retval_offset
            self.cursor_offset = cursor_offset(codec, reply)
        if service.details is not None:
            self.details_codec = client.message_codec(service.details)
            self.details_id = table[self.details_codec.name_crc].to_bytes(2, "big")
            self.details_offset = self.details_codec.context_offset or 2
            if service.reply is None:
                try:
                    ping, ping_reply = table[CONTROL_PING], table[CONTROL_PING_REPLY]
                except KeyError as error:
                    raise MessageUnavailable(f"dumps need {error}, which VPP lacks") from None
                self.ping = ping.to_bytes(2, "big"), ping_reply.to_bytes(2, "big")

    def encode(
        self,
        value: ApiMessage | None,
        fields: dict[str, Any],
        client_index: int = 0,
        context: int = 0,
    ) -> bytes:
        """Wire bytes of a request, from an object of its class or from keywords."""
        if self.missing is not None:
            raise lost(self.missing)
        if value is None:
            return self.codec.encode(self.number, fields, client_index, context)
        codec = None if fields else same_message(value, self.codec)
        if codec is None:
            check_release(value, self.codec)
            known = f"one {self.codec.cls.__name__}, or keywords"
            given = f"both ({', '.join(fields)})" if fields else shown(value)
            raise InvalidArgument(f"{self.name} takes {known}, not {given}")
        packed: bytes = codec.encode_value(value, self.number, client_index, context)
        return packed

    def renewed(self, message: bytes, codec: MessageCodec) -> bytes:
        """A request that was encoded earlier, for the VPP that is connected now. Errors:
        `MessageUnavailable` where that has it no more, or with another layout."""
        if self.missing is not None:
            raise lost(self.missing)
        if codec.name_crc != self.codec.name_crc:
            raise MessageUnavailable(
                f"this request was made for a VPP with {codec.name_crc}; the one that came since "
                f"has {self.codec.name_crc}: make it anew"
            )
        return self.number.to_bytes(2, "big") + message[2:]

    def portion_after(self, message: bytes, reply: Any) -> bytes | None:
        """The same request at the cursor of a reply that says there is more; None if there is
        not."""
        at = self.cursor_offset
        if getattr(reply, "retval", 0) != _retvals.EAGAIN or not at:
            return None
        cursor: bytes = reply.cursor.to_bytes(4, "big")
        return message[:at] + cursor + message[at + 4 :]

    def is_reply(self, data: bytes) -> bool:
        """Whether a message that is not the expected one is a reply all the same, and no event."""
        return self.client.connection.message_table.is_reply(int.from_bytes(data[:2], "big"))

    def translated(self, data: bytes) -> bytes:
        """The reply of another request, which a few of VPP's handlers send, as the one that is
        expected. Errors: `BadMessage` if it has other fields."""
        assert self.reply_codec is not None
        table = self.client.connection.message_table
        name = table.name(int.from_bytes(data[:2], "big")).rpartition("_")[0]
        other = self.client.message_codec(name)
        if other.layout != self.reply_codec.layout:
            shown = other.accept(data)
            raise BadMessage(f"{self.name}: VPP answered with the reply of another: {shown!r}")
        return self.reply_key + data[2:]

    def checked(self, reply: Any, data: bytes) -> Any:
        """The reply; `ApiError` if its retval is negative and the client raises such errors."""
        at = self.reply_codec.retval_offset if self.reply_codec is not None else None
        if at is not None and data[at] > 127 and self.client.raise_on_error:
            raise self.error(reply)
        return reply

    def failure(self, error: BaseException) -> BaseException:
        """What to raise when a call ended with this."""
        return named(error, self.name) if isinstance(error, Timeout) else self.client.lost(error)

    def error(self, reply: Any) -> ApiError:
        """What a negative retval says."""
        retval = reply.retval
        symbol = _retvals.name_of(retval)
        named = f"{symbol} ({retval})" if symbol else str(retval)
        # VPP's command line says itself what it did not like.
        said = reply.reply.strip() if self.name == "cli_inband" else ""
        text = said or _retvals.text_of(retval)
        error = ApiError(f"{self.name}: {text}: {named}", retval=retval)
        error.symbol, error.message, error.reply = symbol, self.name, reply
        return error


def _raising(error: VapiError) -> Callable[..., bytes]:
    """In the place of a function that cannot work."""

    def refuse(*arguments: object, **keywords: object) -> bytes:
        raise lost(error)

    return refuse


def make_function(binding: Binding) -> Any:
    """The function of a request, with its documentation and signature."""
    service = binding.service
    if service.details is not None:
        function = _streaming(binding)
    elif service.reply is not None:
        function = _asking(binding)
    else:
        function = _telling(binding)
    return described(function, binding)


def described(function: Callable[..., Any], binding: Binding, asked: str = "{}") -> Any:
    """The function with its documentation and signature. `asked`: what it returns, around the
    name of the answer."""
    service = binding.service
    function.__name__ = function.__qualname__ = binding.name
    function.__module__ = "vapi_cffi.api"
    function.__doc__ = _document(binding)
    made: Any = function
    made.__signature__ = _signature(binding, asked)
    made.binding = binding
    made.request = binding.codec.cls
    made.reply = None if binding.reply_codec is None else binding.reply_codec.cls
    made.details = None if service.details is None else binding.details_codec.cls
    made.events = service.events
    return made


def _asking(binding: Binding) -> Callable[..., Any]:
    """A request with one reply: one crossing into C."""
    client, is_logging = binding.client, log.isEnabledFor

    # In one piece, without a call that it could do without: right after a wait, each is a walk
    # through cold caches. A reconnect may change everything that the binding has.
    def function(value: Any = None, /, *, _timeout: float | None = None, **fields: Any) -> Any:
        context = binding.context
        if value is None:
            try:
                message = binding.pack(binding.number, 0, 0, **fields)
            except MISFIT:
                message = binding.encode(None, fields)
        else:
            message = binding.encode(value, fields)
        try:
            data = binding.call(
                message, binding.reply_id, binding.context_offset, _timeout, context
            )
        except (ConnectionError, Timeout) as error:
            raise binding.failure(error) from None
        if data[:2] != binding.reply_key:
            data = binding.translated(data)
        if is_logging(DEBUG):
            log.debug("%s answered, %d bytes", binding.name, len(data))
        at = binding.retval_offset
        if at is not None and data[at] > 127 and client.raise_on_error:
            raise binding.error(binding.accept(data))
        return binding.accept(data)

    def raw(value: Any = None, /, *, _timeout: float | None = None, **fields: Any) -> Any:
        """The reply, whatever its retval."""
        context = binding.context
        message = binding.encode(value, fields)
        try:
            data = binding.call(
                message, binding.reply_id, binding.context_offset, _timeout, context
            )
        except (ConnectionError, Timeout) as error:
            raise binding.failure(error) from None
        if data[:2] != binding.reply_key:
            data = binding.translated(data)
        return binding.accept(data)

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
    """A message without answer."""

    def function(value: Any = None, /, *, _timeout: float | None = None, **fields: Any) -> None:
        context = binding.context
        message = binding.encode(value, fields)
        connection = binding.client.connection
        if "client_index" in binding.codec.header:
            message = message[:2] + connection.client_index + message[6:]
        connection.send_bytes(message, _timeout, context)

    return function


def _signature(binding: Binding, asked: str) -> inspect.Signature:
    """Keywords with their defaults; the names of types as annotations."""
    fields = parameters(binding.codec)
    kind = inspect.Parameter.KEYWORD_ONLY
    fields.append(inspect.Parameter("_timeout", kind, default=None, annotation="float | None"))
    service = binding.service
    if service.details is not None:
        name = f"{'Stream' if service.reply else 'Dump'}[{binding.details_codec.name_for_types}]"
    elif binding.reply_codec is not None:
        name = asked.format(binding.reply_codec.name_for_types)
    else:
        name = "None"
    return inspect.Signature(fields, return_annotation=name)


def _document(binding: Binding) -> str:
    """The comment of the API file, and what goes in and comes out."""
    lines = [binding.codec.cls.__doc__ or binding.name, "", "Fields:"]
    lines += outline(binding.codec) or ["    none"]
    for what, codec in (
        ("Reply", binding.reply_codec),
        ("Details", binding.details_codec if binding.service.details else None),
    ):
        if codec is not None:
            lines += ["", f"{what}: {codec.name_for_types}"]
            lines += outline(codec)
    if binding.service.events:
        lines += ["", f"Events that may follow: {', '.join(binding.service.events)}"]
    lines += ["", "_timeout: seconds to wait for the answer, if not the client's."]
    return "\n".join(lines)


class Api:
    """The requests that the connected VPP understands, as functions with keywords.

    >>> client.api.sw_interface_set_flags(sw_if_index=1, flags="admin_up")   # doctest: +SKIP
    SwInterfaceSetFlagsReply(retval=0)

    `.request`, `.reply` and `.details` of each function are the classes of its messages, `.raw()`
    returns the reply whatever its retval. Unknown names raise `NoSuchMessage`, an AttributeError.
    """

    _make = staticmethod(make_function)

    def __init__(self, client: BaseClient) -> None:
        self._client = client
        self._bindings: dict[str, Binding] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        client = self._client
        try:
            binding = Binding(client, request_name(name))
        except NoSuchMessage as error:
            raise _with_hint(error, name, client) from None
        self._bindings[name] = binding
        function = self._make(binding)
        self.__dict__[name] = function
        return function

    def __getitem__(self, name: str) -> Any:
        """The same, for names in variables."""
        return getattr(self, word("the name of a message", name))

    def __dir__(self) -> list[str]:
        return self._client.sources.callers(self._client.connection)

    def resolve_again(self) -> None:
        """After a reconnect: the functions that programs hold get the new numbers."""
        for binding in list(self._bindings.values()):  # other threads make more
            try:
                binding.resolve()
            except VapiError as error:
                log.warning("%s is not available any more: %s", binding.name, error)

    def exchange_calls(self, old: object, new: Callable[..., bytes]) -> None:
        """Functions that call `old` call `new` from now on."""
        for binding in list(self._bindings.values()):  # other threads make more
            if binding.call == old:
                binding.call = new

    def __repr__(self) -> str:
        return f"<Api of {self._client.connection.address}>"


def _with_hint(error: NoSuchMessage, name: str, client: BaseClient) -> NoSuchMessage:
    """Names a request that looks like it, unless the text says what is the matter."""
    if "is no request" not in error.text or "did you mean" in error.text:
        return error
    caller, part = client.sources.asked_by(client.connection, name)
    if part == "event":
        return NoSuchMessage(f"{name!r} is an event: use client.events({name!r})")
    if caller:
        what = "brings" if part == "details" else "is answered with"
        return NoSuchMessage(f"{name!r} is no request: it is what {caller!r} {what}")
    close = get_close_matches(name, client.sources.callers(client.connection), 1)
    return NoSuchMessage(f"{error.text}; did you mean {close[0]!r}?") if close else error
