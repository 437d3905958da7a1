"""What clients know: messages, numbers, functions, statistics. `VPPApiClient` and its asyncio
variant share it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .._table import CONTROL_PING, CONTROL_PING_REPLY
from ._errors import (
    VPPApiError,
    VPPIOError,
    VPPNotImplementedError,
    VPPRuntimeError,
    VPPValueError,
)
from ._message import VPPMessage
from ._registry import vpp_get_type

_PINGS = {"control_ping": CONTROL_PING, "control_ping_reply": CONTROL_PING_REPLY}
_log = logging.getLogger("vpp_papi")


class ContextId:
    """Numbers of requests: each is new.

    Programs that share them with processes which they fork give a counter of their own, as
    `multiprocessing.Value(ctypes.c_uint, 0)`, to `context`.
    """

    def __init__(self) -> None:
        self._next: Callable[[], int] = itertools.count(1).__next__
        self._context: Any = None

    def __call__(self) -> int:
        return self._next()

    @property
    def context(self) -> Any:
        """The counter that was given, None without."""
        return self._context

    @context.setter
    def context(self, counter: Any) -> None:
        def count() -> int:
            with counter.get_lock():
                counter.value += 1
                number: int = counter.value
            return number

        self._context, self._next = counter, count


class Known:
    """The definitions of a client, and the numbers that the connected VPP has for them."""

    VPPApiError = VPPApiError
    VPPRuntimeError = VPPRuntimeError
    VPPValueError = VPPValueError
    VPPNotImplementedError = VPPNotImplementedError
    VPPIOError = VPPIOError

    ContextId = ContextId
    get_context = ContextId()

    logger: Any
    messages: dict[str, Any]
    services: dict[str, Any]
    #: Numbers of control_ping and its reply, which every VPP has, whatever was loaded.
    ping_numbers: dict[str, int]
    #: VPP's numbers as they were when the functions of `api` were made.
    _numbers: Mapping[str, int] = {}
    _api: Any
    _calls: dict[str, list[float]]
    _by_number: dict[bytes, VPPMessage] | None

    @property
    def message_table(self) -> Mapping[str, int]:
        """VPP's messages: names with CRC to numbers; none while there is no connection."""
        raise NotImplementedError

    @property
    def api(self) -> Any:
        """The functions. Errors: `VPPApiError` before `connect`."""
        if not hasattr(self, "_api"):
            raise VPPApiError("Not connected, api definitions not available")
        return self._api

    def learn_pings(self) -> None:
        """After connecting."""
        self._numbers = self.message_table
        self.ping_numbers = {name: self.message_table.get(full, 0) for name, full in _PINGS.items()}

    @property
    def control_ping_index(self) -> int:
        """VPP's number of control_ping."""
        return self.ping_numbers.get("control_ping", 0)

    @property
    def control_ping_msgdef(self) -> Any:
        """Its definition, None if it was not loaded."""
        return self.messages.get("control_ping")

    def get_function(self, name: str) -> Any:
        """The same as `api.NAME`."""
        return getattr(self._api, name)

    def get_type(self, name: str) -> Any:
        """A type of the API, None if there is none."""
        return vpp_get_type(name)

    def number_of(self, name: str) -> int:
        """VPP's number of a message as the definitions have it; 0 if it has another or none. It
        stays known after the connection."""
        message = self.messages.get(name)
        if message is None:
            return 0
        return self._numbers.get(f"{name}_{message.crc[2:]}", 0)

    @property
    def vpp_dictionary_maxid(self) -> int:
        """The highest number of a message."""
        return max(self.message_table.values(), default=0)

    @property
    def id_names(self) -> list[Any]:
        """Names of messages by VPP's number; None where VPP and the definitions differ."""
        return [None if message is None else message.name for message in self.id_msgdef]

    @property
    def id_msgdef(self) -> list[Any]:
        """Messages by VPP's number."""
        made: list[Any] = [None] * (self.vpp_dictionary_maxid + 1)
        for key, message in self._numbered().items():
            made[int.from_bytes(key, "big")] = message
        return made

    def _numbered(self) -> dict[bytes, VPPMessage]:
        """Messages by the two bytes that they begin with."""
        found = self._by_number
        if found is None:
            found = {}
            for full, number in self.message_table.items():
                name, _, crc = full.rpartition("_")
                message = self.messages.get(name)
                if message is not None and message.crc[2:] == crc:
                    found[number.to_bytes(2, "big")] = message
            self._by_number = found
        return found

    def get_field_options(self, msg: str, fld_name: str) -> Any:
        """Options of a field, None if it has none."""
        for item in self.messages[msg].msgdef:
            if isinstance(item, list) and len(item) == 3 and item[1] == fld_name:
                return item[2]
        return None

    def validate_message_table(self, namecrctable: Iterable[str]) -> list[str]:
        """Of these names with CRC, the ones that VPP does not have."""
        return [name for name in namecrctable if name not in self.message_table]

    def dump_message_table(self) -> dict[str, int]:
        """VPP's messages: names with CRC to numbers."""
        return dict(self.message_table)

    def dump_message_table_filtered(self, msglist: Sequence[str]) -> dict[str, int]:
        """Of these requests and their replies."""
        wanted = [*msglist, *(self.services[name]["reply"] for name in msglist)]
        full = {name.rpartition("_")[0]: name for name in self.message_table}
        return {full[name]: self.message_table[full[name]] for name in wanted if name in full}

    # ---- statistics ----------------------------------------------------------------------------

    def calls_of(self, name: str) -> list[float]:
        """The counter of one function: calls, seconds in all, and at most."""
        return self._calls.setdefault(name, [0, 0.0, 0.0])

    @property
    def stats(self) -> dict[str, dict[str, float]]:
        """Calls by message: how many, and milliseconds in the mean and at most."""
        return {
            name: {"max": 1e3 * most, "count": int(count), "avg": 1e3 * total / count}
            for name, (count, total, most) in self._calls.items()
            if count
        }

    def get_stats(self) -> str:
        """The same as a table, slowest first."""
        lines = [
            "",
            "=== API PAPI STATISTICS ===",
            f"{'message':<30} {'cnt':>4} {'avg':>6} {'max':>6}",
        ]
        ranked = sorted(self.stats.items(), key=lambda item: item[1]["avg"], reverse=True)
        lines += [
            f"{name:<30} {one['count']:>4} {one['avg']:>6.2f} {one['max']:>6.2f}"
            for name, one in ranked
        ]
        return "\n".join([*lines, ""])

    def log_call(self, message: VPPMessage, kwargs: Mapping[str, Any]) -> None:
        """For debugging."""
        given = ",".join(f"{name!r}:{value!r}" for name, value in kwargs.items())
        self.logger.debug(f"Calling {message.name}({given})")

    def has_context(self, msg: bytes) -> bool:
        """Whether a message has a context."""
        known = self.message_of(msg)
        return known is not None and known.has_context

    def message_of(self, msg: bytes) -> VPPMessage | None:
        """The definition of a message that came, None without one."""
        return self._numbered().get(bytes(msg[:2]))

    def is_answer(self, msg: bytes) -> bool:
        """Whether a message could answer a request: all but events, and what is not known."""
        known = self._numbered().get(msg[:2])
        return known is None or known.has_context

    def decode_incoming_msg(self, msg: bytes | None, no_type_conversion: bool = False) -> Any:
        """The tuple of a message. Errors: `VPPIOError` for one without a definition."""
        if not msg:
            _log.warning("vpp_api.read failed")
            return None
        known = self._numbered().get(bytes(msg[:2]))
        if known is None:
            raise VPPIOError(2, "Reply message undefined")
        if known.name == "rx_thread_exit":
            return None
        return known.decoder(no_type_conversion)(bytes(msg))
