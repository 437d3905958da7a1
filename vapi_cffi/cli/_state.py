"""The state of a VPP as data: what dumps bring, by section, as JSON has it.

A section is a dump with its fields: `ip_route_v2_dump table.table_id=1 table.is_ip6=false`. Some
dumps need to be asked for each interface or table; `SECTIONS` says which, everything else that a
VPP offers can be named on the command line.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._errors import ApiError, InvalidArgument, NoSuchMessage
from ._fields import parse
from ._requests import function_of, with_all
from ._values import plain

if TYPE_CHECKING:
    from .._client import Client

#: Part of every file: change it with the form.
FORMAT = 1

State = dict[str, list[dict[str, Any]]]


def _interfaces(client: Client) -> Iterator[str]:
    """Addresses are asked for by interface and family."""
    for item in client.api.sw_interface_dump():
        for family in ("false", "true"):
            yield f"sw_if_index={item.sw_if_index} is_ipv6={family}"


def _tables(prefix: str) -> Callable[[Client], Iterator[str]]:
    """Routes are asked for by table."""

    def each(client: Client) -> Iterator[str]:
        for item in client.api.ip_table_dump():
            family = str(bool(item.table.is_ip6)).lower()
            yield f"{prefix}table_id={item.table.table_id} {prefix}is_ip6={family}"

    return each


def _families(client: Client) -> Iterator[str]:
    yield from ("af=address_ip4", "af=address_ip6")


def _once(client: Client) -> Iterator[str]:
    yield ""


#: The sections of a snapshot unless others are asked for, as far as the VPP has them. The first of
#: several releases of a dump counts. `;` separates them.
SECTIONS: dict[str, Callable[[Client], Iterator[str]]] = {
    "sw_interface_dump": _once,
    "ip_table_dump": _once,
    "ip_address_dump": _interfaces,
    "ip_unnumbered_dump": _once,
    "ip_route_v2_dump;ip_route_dump": _tables("table."),
    "ip_mroute_dump": _tables("table."),
    "ip_neighbor_v2_dump;ip_neighbor_dump": _families,
    "bridge_domain_dump": _once,
    "l2_fib_table_dump": _once,
    "l2_xconnect_dump": _once,
    "bond_dump;sw_bond_interface_dump;sw_interface_bond_dump": _once,
    "sw_interface_tap_v2_dump": _once,
    "memif_dump": _once,
    "memif_socket_filename_v2_dump;memif_socket_filename_dump": _once,
    "vxlan_tunnel_v2_dump;vxlan_tunnel_dump": _once,
    "gre_tunnel_v2_dump;gre_tunnel_dump": _once,
    "ipip_tunnel_dump": _once,
    "acl_dump": _once,
    "acl_interface_list_dump": _once,
    "mpls_table_dump": _once,
    "nat44_static_mapping_dump": _once,
    "nat44_interface_dump": _once,
    "wireguard_interface_dump": _once,
    "wireguard_peers_dump": _once,
    "lcp_itf_pair_get;lcp_itf_pair_get_v2": _once,
}
_EXPANSIONS = {name: expand for names, expand in SECTIONS.items() for name in names.split(";")}


def take(client: Client, wanted: Iterable[str] = ()) -> State:
    """The state, section by section, sorted as VPP tells it.

    `wanted`: dumps with fields as on the command line; nothing: `SECTIONS`. Errors:
    `NoSuchMessage`, `InvalidArgument` for what was asked for and is not there.
    """
    named = [item for item in wanted if item.strip()]
    state: State = {}
    for section, function, fields in _asked(client, named) if named else _default(client):
        try:
            state[section] = [plain(item) for item in function(**fields)]
        except ApiError:
            # A plugin that is loaded and switched off says so instead of an empty list.
            if named:
                raise
    return state


def _asked(client: Client, wanted: Iterable[str]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for item in wanted:
        try:
            name, *words = shlex.split(item)
        except ValueError as error:
            raise InvalidArgument(f"{item!r}: {error}") from None
        function = function_of(client, name, ("dump", "get"))
        codec = function.binding.codec
        if words or name not in _EXPANSIONS:
            yield item, function, with_all(codec, parse(codec, words))
            continue
        yield from _each(client, name, function, _EXPANSIONS[name])


def _default(client: Client) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for names, expand in SECTIONS.items():
        for name in names.split(";"):
            try:
                function = client.api[name]
            except NoSuchMessage:
                continue
            yield from _each(client, name, function, expand)
            break


def _each(
    client: Client, name: str, function: Any, expand: Callable[[Client], Iterator[str]]
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    codec = function.binding.codec
    for words in expand(client):
        fields = with_all(codec, parse(codec, words.split()))
        yield f"{name} {words}".strip(), function, fields


# ---- files ---------------------------------------------------------------------------------------


def document(client: Client, state: State, wanted: Sequence[str] = ()) -> dict[str, Any]:
    """What a file holds. `wanted`: as it was given to `take`."""
    version = client.api.show_version()
    return {
        "vapi_snapshot": FORMAT,
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "vpp": f"{version.program} {version.version}",
        "address": str(client.connection.address),
        "messages": list(wanted),
        "state": state,
    }


def to_text(whole: dict[str, Any]) -> str:
    """JSON with an entry a line, so that other tools can compare it too."""
    head = {name: value for name, value in whole.items() if name != "state"}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
    sections = []
    for section, rows in whole["state"].items():
        inside = ",\n".join(f"   {json.dumps(row)}" for row in rows)
        sections.append(f"  {json.dumps(section)}: [" + (f"\n{inside}\n  ]" if rows else "]"))
    return "{\n" + "\n".join(lines) + '\n "state": {\n' + ",\n".join(sections) + "\n }\n}\n"


def read(path: str) -> tuple[State, list[str]]:
    """The state in a file, and the messages that were asked for (none: the usual ones).

    Errors: `InvalidArgument` if it is no snapshot."""
    try:
        found = json.loads(Path(path).read_bytes())
        state, form = found["state"], found["vapi_snapshot"]
        rows = [row for section in state.values() for row in section]
        if not all(isinstance(row, dict) for row in rows):
            raise TypeError("a row is no object")
        wanted = [str(item) for item in found["messages"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidArgument(f"{path} is no snapshot of `vapi snapshot`: {error}") from None
    if form != FORMAT:
        raise InvalidArgument(f"{path} has format {form!r}, this program reads {FORMAT}")
    return state, wanted
