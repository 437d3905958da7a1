"""Type stubs of an API, for editors and type checkers:

    python -m vapi_cffi.papi.stubgen --api-dir /usr/share/vpp/api -o vpp_api.pyi

An `IntFlag` for each enum, a name for each alias, a `NamedTuple` for each struct, union and
message, and `VppApi`, with a method for each request, to cast `client.api` to.
"""

from __future__ import annotations

import argparse
import keyword
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ._client import VPPApiClient
from ._message import VPPMessage
from ._named import VPPEnumType, VPPTypeAlias, VPPUnionType
from ._registry import types
from ._structs import VPPType

_SCALARS = {"f64": "float", "bool": "bool", "string": "str"} | {
    f"{sign}{bits}": "int" for sign in "ui" for bits in (8, 16, 32, 64)
}
_IP = "ipaddress.IPv"
#: Types that Python has: what comes out, and what else may go in.
_NATURAL = {
    "ip4_address": (f"{_IP}4Address", "str"),
    "ip6_address": (f"{_IP}6Address", "str"),
    "address": (f"{_IP}4Address | {_IP}6Address", "str"),
    "ip4_prefix": (f"{_IP}4Network", "str"),
    "ip6_prefix": (f"{_IP}6Network", "str"),
    "prefix": (f"{_IP}4Network | {_IP}6Network", "str"),
    "ip4_address_with_prefix": (f"{_IP}4Interface", "str"),
    "ip6_address_with_prefix": (f"{_IP}6Interface", "str"),
    "address_with_prefix": (f"{_IP}4Interface | {_IP}6Interface", "str"),
    "mac_address": ("MACAddress", "str"),
    "timestamp": ("datetime.datetime", "float"),
    "timedelta": ("datetime.timedelta", "float"),
}
_HEAD = '''"""Made by vapi_cffi.papi.stubgen: do not edit."""
from __future__ import annotations

import datetime
import ipaddress
from enum import IntFlag
from typing import Any, NamedTuple

from vpp_papi.macaddress import MACAddress
'''
#: Methods of a tuple, which a field of the same name hides.
_HIDDEN = ("count", "index")


def _camel(name: str) -> str:
    """`vl_api_address_t` and `address` are both `Address`."""
    bare = name.removeprefix("vl_api_").removesuffix("_t") if name.startswith("vl_api_") else name
    return "".join(part[:1].upper() + part[1:] for part in bare.split("_") if part)


class _Spelling:
    """How types are spelled; `into`: of what may be given."""

    def __init__(self, *, into: bool) -> None:
        self._into = into

    def of(self, spelling: str, length: int | None) -> str:
        """The type of a field; `length` of an array, 0 for a variable one, None for none."""
        if length is not None and spelling in ("u8", "string"):
            return "bytes" if spelling == "u8" else "str"
        one = self._one(spelling)
        return one if length is None else f"list[{one}]"

    def _one(self, spelling: str) -> str:
        if spelling in _SCALARS:
            return _SCALARS[spelling]
        natural = _NATURAL.get(spelling.removeprefix("vl_api_").removesuffix("_t"))
        if natural is not None:
            return " | ".join(natural) if self._into else natural[0]
        known = types.get(spelling) or types.__missing__(spelling)
        if isinstance(known, VPPTypeAlias):
            return self.of(known.msgdef["type"], known.msgdef.get("length"))
        if self._into and isinstance(known, VPPType | VPPUnionType):
            return "dict[str, Any]"
        return f"{_camel(spelling)} | int" if self._into else _camel(spelling)


_OUT, _IN = _Spelling(into=False), _Spelling(into=True)


def _fields(definition: Sequence[Any]) -> Iterator[tuple[str, str, int | None]]:
    """Names, spellings and lengths, without what no program gives."""
    for item in definition:
        if isinstance(item, list) and item[1] != "_vl_msg_id":
            length = next((part for part in item[2:] if isinstance(part, int)), None)
            yield item[1], item[0], length


def _tuple(name: str, definition: Sequence[Any]) -> list[str]:
    lines = [f"class {name}(NamedTuple):"]
    for field, spelling, length in _fields(definition):
        if not _is_name(field):
            continue
        note = "  # type: ignore[assignment]" if field in _HIDDEN else ""
        lines.append(f"    {field}: {_OUT.of(spelling, length)}{note}")
    return [*(lines if len(lines) > 1 else [*lines, "    pass"]), ""]


def _is_name(field: str) -> bool:
    return field.isidentifier() and not keyword.iskeyword(field) and not field.startswith("_")


def _enum(known: VPPEnumType) -> list[str]:
    members = [f"    {name} = {int(value)}" for name, value in known.enum.__members__.items()]
    return [f"class {_camel(known.name)}(IntFlag):", *(members or ["    pass"]), ""]


def _method(message: VPPMessage, service: dict[str, Any]) -> list[str]:
    reply, details = service["reply"], service.get("stream_msg")
    if reply == "null":
        answer = "None"
    elif details:
        answer = f"tuple[{_camel(reply)}, list[{_camel(details)}]]"
    else:
        answer = f"list[{_camel(reply)}]" if service.get("stream") else _camel(reply)
    lines = [f"    def {message.name}(", "        self,", "        *,"]
    for field, spelling, length in _fields(message.msgdef):
        if not _is_name(field):
            continue
        kind = "int" if field in ("client_index", "context") else _IN.of(spelling, length)
        lines.append(f"        {field}: {kind} = ...,")
    return [
        *lines,
        "        _no_type_conversion: bool = ...,",
        "        _timeout: float | None = ...,",
        f"    ) -> {answer}: ...",
        "",
    ]


def generate(client: VPPApiClient) -> str:
    """The stub of all that a client has loaded."""
    known = [types[name] for name in sorted(types) if name != "string"]  # which is a class
    lines = [_HEAD]
    for one in known:
        if isinstance(one, VPPEnumType):
            lines += _enum(one)
    for one in known:
        bare = one.name.removeprefix("vl_api_").removesuffix("_t")
        if bare in _NATURAL or isinstance(one, VPPMessage) or not one.name.startswith("vl_api_"):
            continue
        if isinstance(one, VPPTypeAlias):
            target = _OUT.of(one.msgdef["type"], one.msgdef.get("length"))
            lines += [f"{_camel(one.name)} = {target}", ""]
        elif isinstance(one, VPPType | VPPUnionType):
            lines += _tuple(_camel(one.name), one.msgdef)
    for name, message in sorted(client.messages.items()):
        lines += _tuple(_camel(name), message.msgdef)
    lines += ["class VppApi:", '    """The type of `client.api`."""', ""]
    for name, message in sorted(client.messages.items()):
        if name in client.services:
            lines += _method(message, client.services[name])
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="vpp_papi.stubgen", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--api-dir", help="a directory of .api.json files")
    source.add_argument("--file", nargs="+", help=".api.json files")
    parser.add_argument("-o", "--output", default="-", help="where to write; -: standard output")
    given = parser.parse_args(argv)
    client = VPPApiClient(apidir=given.api_dir, apifiles=given.file, testmode=True)
    text = generate(client)
    if given.output == "-":
        sys.stdout.write(text)
    else:
        Path(given.output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
