"""`vapi call`: one request, one answer."""

from __future__ import annotations

import click

from ._complete import fields
from ._options import (
    Format,
    Target,
    fields_argument,
    message_argument,
    output_options,
    target_options,
)


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi call show_version\n"
    "  vapi call create_loopback mac_address=02:fe:00:00:00:01\n"
    "  vapi call sw_interface_set_flags sw_if_index=1 flags=admin_up\n"
    "  vapi call sw_interface_set_mtu sw_if_index=1 mtu[0]=9000\n"
    "  vapi call ip_route_add_del_v2 is_add=true route.prefix=10.1.0.0/16 \\\n"
    "      'route.paths[0].sw_if_index=1' 'route.paths[0].nh.address.ip4=10.0.0.2'\n"
    "  echo '{\"sw_if_index\": 1}' | vapi call sw_interface_get_table -\n"
    "\n"
    "Values: numbers (also 0x1f and ~0), names of enums (admin_up, or a|b for flags),\n"
    "addresses, prefixes and MAC addresses as text, bytes as 0x0123 or text:abc,\n"
    "arrays with commas, JSON for anything nested. What is left out has its default.\n"
    "`vapi api show MESSAGE -a ADDRESS` lists the fields."
)
@message_argument
@fields_argument(fields)
@output_options()
@target_options
def command(message: str, fields: tuple[str, ...], output: Format, target: Target) -> None:
    """Send a request and print the answer.

    Fields are given as field=value, nested.field=value or list[0].x=value; as JSON in {}; as
    @FILE with JSON in it; or - for JSON on standard input. Exits with 1 if VPP says no.
    """
    from ._fields import parse
    from ._output import print_object
    from ._requests import function_of
    from ._values import plain, text

    with target.connect() as client:
        function = function_of(client, message, ("call",))
        reply = function(**parse(function.binding.codec, fields))
    if reply is None:
        if output == "table":
            click.echo("sent; this message has no answer")
        return
    shown = {name: text(getattr(reply, name)) for name in type(reply).__api__.shown}
    print_object(shown, plain(reply), output)
