"""`vapi shell`: a Python prompt with a connected client."""

from __future__ import annotations

import builtins
import keyword
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import Target, target_options

if TYPE_CHECKING:
    from .._client import Client

#: The call that the cursor is in: `client.api.NAME(...`, or `api.NAME(...`.
_CALL = re.compile(r"(?:\bapi\.)(\w+)(?:\.raw)?\(([^()]*)$")
_HISTORY_LINES = 2000


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi shell\n"
    "  vapi shell -c 'print(api.show_version().version)'\n"
    "  vapi shell < script.py\n"
    "\n\b\n"
    "At the prompt: client (connected), api (client.api), to_dict, table(dump).\n"
    "IPython is used where it is installed: pip install 'vapi_cffi[shell]'."
)
@click.option("--code", "-c", metavar="PROGRAM", help="Run this instead of a prompt.")
@click.option("--plain", is_flag=True, help="Python's own prompt, even where there is IPython.")
@target_options
def command(code: str | None, plain: bool, target: Target) -> None:
    """Open a Python prompt with a connected client.

    The Tab key completes messages and the fields of a message within its parentheses. What comes
    on standard input from no terminal is run as a program.
    """
    with target.connect() as client:
        names = namespace(client)
        if code is not None or not sys.stdin.isatty():
            _run(code if code is not None else sys.stdin.read(), names)
        elif plain or not _ipython(client, names):
            _prompt(client, names)


def namespace(client: Client) -> dict[str, Any]:
    """What programs at the prompt find."""
    import vapi_cffi

    def table(dump: Any, columns: str = "", where: str = "", sort: str = "") -> None:
        """Prints a dump as `vapi dump` does: table(api.sw_interface_dump(), "sw_if_index,tag")."""
        from ._output import print_rows
        from ._rows import Rows, split_columns

        rows = Rows(
            dump._binding.details_codec,
            columns=split_columns([columns]),
            where=[where] if where else [],
            sort=split_columns([sort]),
        )
        cells = [rows.cells(item) for item in rows.select(dump)]
        print_rows(rows.paths, rows.numbers, cells, "table")

    return {
        "__name__": "__console__",
        "client": client,
        "api": client.api,
        "vapi_cffi": vapi_cffi,
        "to_dict": vapi_cffi.to_dict,
        "table": table,
    }


def _run(program: str, names: dict[str, Any]) -> None:
    """A program; its own errors have the traceback that its author needs."""
    import traceback

    from .._errors import VapiError

    names["__name__"] = "__main__"
    try:
        exec(compile(program, "<vapi shell>", "exec"), names)
    except (VapiError, KeyboardInterrupt, SystemExit):
        raise
    except Exception:  # noqa: BLE001  # whatever a program of somebody else raises
        traceback.print_exc()
        raise click.exceptions.Exit(1) from None


def _banner(client: Client) -> str:
    version = client.api.show_version()
    return (
        f"{version.program} {version.version} at {client.connection.address}, "
        f"{len(dir(client.api))} requests.\n"
        "client, api, to_dict, table(dump, columns, where, sort); "
        "help(api.show_version); Ctrl-D ends."
    )


def _ipython(client: Client, names: dict[str, Any]) -> bool:
    """IPython's prompt; False if it is not installed."""
    try:
        from IPython.terminal.interactiveshell import TerminalInteractiveShell
    except ImportError:
        return False
    shell: Any = TerminalInteractiveShell.instance(user_ns=names, banner1="", confirm_exit=False)
    teach(shell, names)
    print(_banner(client))
    shell.mainloop()
    return True


def teach(shell: Any, names: dict[str, Any]) -> None:
    """Our completion for IPython, whose own does not look into what has a __getattr__."""
    completer = Completer(names)

    def words(ipython: Any, text: str) -> list[str]:
        return completer.words(ipython.text_until_cursor, text)

    shell.set_custom_completer(words)


def _prompt(client: Client, names: dict[str, Any]) -> None:
    """Python's own prompt, with history and our completion."""
    import code

    try:
        import readline
    except ImportError:  # a Python built without it
        code.interact(_banner(client), local=names, exitmsg="")
        return
    before = readline.get_completer(), readline.get_completer_delims()
    history = _history()
    try:
        if history is not None and history.exists():
            readline.read_history_file(history)
        readline.set_completer(Completer(names).complete)
        readline.set_completer_delims(" \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?")
        readline.parse_and_bind("tab: complete")
        code.interact(_banner(client), local=names, exitmsg="")
    finally:
        readline.set_completer(before[0])
        readline.set_completer_delims(before[1])
        if history is not None:
            _keep(readline, history)


def _history() -> Path | None:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "vapi_cffi" / "shell_history"


def _keep(readline: Any, history: Path) -> None:
    try:
        history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        readline.set_history_length(_HISTORY_LINES)
        readline.write_history_file(history)
    except OSError:
        pass  # a home that cannot be written to has no history


class Completer:
    """Completes names, attributes (messages after `api.`), and fields inside of a call."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._found: list[str] = []

    def complete(self, text: str, state: int) -> str | None:
        """As readline asks: the `state`-th completion of the word."""
        if state == 0:
            import readline

            line = readline.get_line_buffer()[: readline.get_endidx()]
            self._found = self.words(line, text)
        return self._found[state] if state < len(self._found) else None

    def words(self, line: str, text: str) -> list[str]:
        """Completions of `text`, the last word of `line`."""
        found = self._fields(line, text) if "." not in text else []
        if found:
            return found
        owner, dot, start = text.rpartition(".")
        if dot:
            return [f"{owner}.{name}" for name in self._attributes(owner, start)]
        known = {*self._names, *dir(builtins), *keyword.kwlist}
        return sorted(name for name in known if name.startswith(text) and text)

    def _fields(self, line: str, text: str) -> list[str]:
        call = _CALL.search(line)
        if call is None:
            return []
        from .._errors import VapiError

        try:
            codec = self._names["api"][call[1]].binding.codec
        except VapiError:
            return []
        given = set(re.findall(r"(\w+)\s*=", call[2]))
        return [
            f"{item.name}="
            for item in codec.fields
            if item.counts is None and item.name.startswith(text) and item.name not in given
        ]

    def _attributes(self, owner: str, start: str) -> list[str]:
        """Of a name with dots; nothing is called."""
        parts = owner.split(".")
        value = self._names.get(parts[0], getattr(builtins, parts[0], None))
        for part in parts[1:]:
            try:
                value = getattr(value, part)
            except Exception:  # noqa: BLE001  # a property of anybody's
                return []
        hidden = start.startswith("_")
        return [
            name
            for name in dir(value)
            if name.startswith(start) and (hidden or not name.startswith("_"))
        ]
