"""Options that several commands share, and the connection that they lead to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from .._address import TRANSPORTS, Transport
from ._complete import addresses, messages

if TYPE_CHECKING:
    from .._client import Client
    from .._connection import Connection

F = TypeVar("F", bound=Callable[..., Any])

Format = Literal["table", "json", "yaml", "csv"]
FORMATS: tuple[Format, ...] = ("table", "json", "yaml", "csv")

_ADDRESS = click.option(
    "--address",
    "-a",
    metavar="ADDRESS",
    envvar="VAPI_ADDRESS",
    show_envvar=True,
    shell_complete=addresses,
    help="/path or unix:/path, shm:PREFIX, or sim: for an embedded peer. "
    "Default: /run/vpp/api.sock.",
)
_TRANSPORT = click.option(
    "--transport",
    "-t",
    type=click.Choice(TRANSPORTS),
    help="What carries the messages, if not what the address says.",
)
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)
_DEFINITIONS = click.option(
    "--api",
    "definitions",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FILE|DIR",
    help="Definitions of messages, .api or .api.json, if not what VPP itself says.",
)


@dataclass(frozen=True)
class Target:
    """What the connection options say."""

    address: str | None
    transport: Transport | None
    timeout: float
    definitions: tuple[str, ...] = ()

    def connect(self, **options: Any) -> Client:
        """A client, connected; use it in a `with`."""
        from .._client import connect as connect_client

        return connect_client(
            self.address,
            transport=self.transport,
            timeout=self.timeout,
            definitions=self.definitions or None,
            name="vapi",
            **options,
        )


def connection_options(function: F) -> F:
    """--address, --transport, --timeout."""
    for option in (_TIMEOUT, _TRANSPORT, _ADDRESS):
        function = option(function)
    return function


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same and --api, given to the function as `target`, a `Target`."""

    @functools.wraps(function)
    def with_target(
        *arguments: Any,
        address: str | None,
        transport: Transport | None,
        timeout: float,
        definitions: tuple[str, ...],
        **others: Any,
    ) -> Any:
        target = Target(address, transport, timeout, definitions)
        return function(*arguments, target=target, **others)

    return connection_options(_DEFINITIONS(with_target))


def output_options(*formats: Format) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--output, and --json for short; given to the function as `output`. The first one is the
    default."""
    known = formats or FORMATS

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_output(*arguments: Any, as_json: bool, output: Format, **others: Any) -> Any:
            return function(*arguments, output="json" if as_json else output, **others)

        choice = click.option(
            "--output",
            "-o",
            type=click.Choice(known),
            default=known[0],
            show_default=True,
            help="How to print.",
        )
        return choice(
            click.option("--json", "as_json", is_flag=True, help="Short for --output json.")(
                with_output
            )
        )

    return decorate


#: The name of a message, and words of fields after it.
message_argument = click.argument("message", metavar="MESSAGE", shell_complete=messages)


def fields_argument(complete: Callable[..., Any]) -> Callable[[F], F]:
    """FIELD=VALUE..., completed by the fields of the message before them."""
    return click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...", shell_complete=complete)


def connect(address: str | None, transport: Any, timeout: float) -> Connection:
    """The connection that the options ask for, connected."""
    from .._connection import Connection

    return Connection(address, transport=transport, timeout=timeout, name="vapi").connect()
