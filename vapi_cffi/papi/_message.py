"""Messages: structs with a number, and most with the context that answers are known by."""

from __future__ import annotations

import keyword
import struct
from collections.abc import Callable
from typing import Any

from .._wire import Namespace
from ._packers import compiled
from ._structs import VPPType


class VPPMessage(VPPType):
    """A message."""

    _HEADER = (("_vl_msg_id", "u16"), ("client_index", "u32"), ("context", "u32"))

    @property
    def has_context(self) -> bool:
        """Whether answers are told apart by it; events have none."""
        return "context" in self.field_by_name

    @property
    def context_offset(self) -> int:
        """Where the u32 is, 2 if there is none."""
        offset = 0
        for name, packer in zip(self.fields, self.packers, strict=True):
            if name == "context":
                return offset
            offset += packer.size
        return 2

    @property
    def is_request(self) -> bool:
        """Whether it begins as requests do."""
        return tuple(zip(self.fields[:3], self.fieldtypes[:3], strict=True)) == self._HEADER

    def request(self) -> Callable[..., bytes]:
        """The quick way from keywords: `(number, client_index, context, **fields)` to bytes.
        Errors: `MISFIT`, also for keywords that are no fields."""
        ns = Namespace()
        parameters: list[str] = []
        header = dict(zip(self.fields[:3], ("_number", "_index", "_context"), strict=False))
        if not self.is_request or not all(map(_is_parameter, self.fields)):
            header, parameters = {}, []
            lines, value = ["raise TypeError"], "b''"
        else:
            lines, value = self._writing(ns, lambda name, default: name, header)
            for name, packer in zip(self.fields[3:], self.packers[3:], strict=True):
                default = None if name in self._counts else packer.default
                parameters.append(f"{name}={default!r}")
        star = f", /, *, {', '.join(parameters)}" if parameters else ", /"
        source = "\n    ".join(
            [f"def request(_number, _index, _context{star}):", *lines, f"return {value}"]
        )
        made: Callable[..., bytes] = compiled(source, "request", ns, f"request {self.name}")
        return made

    def decoder(
        self, ntc: bool = False, *, context: bool = False, failure: type[Exception] | None = None
    ) -> Callable[..., Any]:
        """A function from the bytes of a message to its tuple. With `context`, it takes that as
        second argument, and does not look at the one in the bytes.

        Errors: `VPPSerializerValueError` for bytes that are too few; what conversions raise; with
        `failure`, that for all of them.
        """
        decoders = self.__dict__.setdefault("_decoders", {})
        found: Callable[..., Any] | None = decoders.get((ntc, context, failure))
        if found is None:
            ns = Namespace()
            known = {"context": "context"} if context and self.has_context else {}
            lines, value = self._body(ns, ntc, known)
            ns.update(torn=self.torn, wrong=struct.error)
            if failure is not None:
                ns.update(torn=self._failing(failure), wrong=(struct.error, ValueError))
            inside = ["o = 0", *lines, f"return {value}"]
            source = "\n    ".join(
                [
                    f"def decode(data{', context' if context else ''}):",
                    "try:",
                    *(f"    {line}" for line in inside),
                    "except wrong as error:",
                    "    raise torn(len(data), error) from None",
                ]
            )
            found = compiled(source, "decode", ns, f"decode of {self.name}")
            decoders[ntc, context, failure] = found
        return found

    def _failing(self, failure: type[Exception]) -> Callable[[int, Exception], Exception]:
        """Makes such an error of any."""

        def fail(size: int, error: Exception) -> Exception:
            return failure(str(self.torn(size, error) if type(error) is struct.error else error))

        return fail

    def sweeper(self, ntc: bool = False) -> Callable[[bytes, int], list[Any]]:
        """Of a message of constant size: a function from many, behind each other, and the context
        that they are to show, to all tuples."""
        sweepers = self.__dict__.setdefault("_sweepers", {})
        found: Callable[[bytes, int], list[Any]] | None = sweepers.get(ntc)
        if found is None:
            ns = Namespace()
            letters = ""
            names: list[str] = []
            values: list[str] = []
            for name, packer in zip(self.fields, self.packers, strict=True):
                if name == "context":
                    letters += f"{packer.size}x"
                    values.append("context")
                    continue
                own = [f"a{len(names) + index}" for index in range(packer.leaves)]
                letters += packer.fmt or ""
                names += own
                values.append(packer.reading(own, ns, ntc))
            each = ns.use(struct.Struct(f">{letters}").iter_unpack, "each")
            value = self._tuple_of(values, ns)
            source = (
                "def sweep(data, context):\n"
                f"    return [{value} for {', '.join(names)}, in {each}(data)]"
            )
            found = sweepers[ntc] = compiled(source, "sweep", ns, f"dump of {self.name}")
        return found


def _is_parameter(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
