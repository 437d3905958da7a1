"""The group of commands, and the way of every error to one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from .._version import __version__

#: Exit codes, as the epilog of `vapi --help` tells them.
OK, FAILED, USAGE, NO_CONNECTION, TIMEOUT, INTERRUPTED = 0, 1, 2, 3, 4, 130

#: Set by the shells' functions when the Tab key was pressed.
COMPLETE = "_VAPI_COMPLETE"

#: Commands by what they are for: what each does in a line (so that --help imports none of them),
#: its module and its name there.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Ask and tell": {
        "call": ("Send a request and print the answer.", ".call:command"),
        "dump": ("Print what a dump brings, as a table.", ".dump:command"),
        "get": ("Print what a stream (..._get) brings, as a table.", ".dump:get_command"),
        "watch": ("Print events as they come.", ".watch:command"),
        "cli": ("Run commands of VPP's own command line.", ".vppcli:command"),
        "bulk": ("Send a request for each row of a file.", ".bulk:command"),
        "shell": ("A Python prompt with a connected client.", ".shell:command"),
    },
    "Look after a VPP": {
        "top": ("Interfaces and API, live.", ".top:command"),
        "info": ("Say what a VPP is: version, transports, messages.", ".info:command"),
        "ping": ("Measure round trips to a VPP.", ".ping:command"),
        "snapshot": ("Write the state of a VPP to a file.", ".snapshot:command"),
        "diff": ("Compare two snapshots, or one with the live state.", ".diff:command"),
        "trace": ("Print what client.trace(file) recorded.", ".trace:command"),
        "doctor": ("Say why no connection comes about, and what to do.", ".doctor:command"),
    },
    "API files": {
        "api": ("Look into APIs: list, show, compare, advise.", ".api:command"),
        "stubs": ("Write type stubs for what a running VPP offers.", ".stubs:command"),
        "generate": ("Generate C, C++ and Python bindings from API files.", ".generate:command"),
    },
    "This package": {
        "demo": (
            "Show what this does: three transports against an embedded peer.",
            ".demo:command",
        ),
        "sim": ("Play VPP's side: serve clients on a socket and in shared memory.", ".sim:command"),
        "bench": ("Measure messages a second, on each transport.", ".bench:command"),
        "config": ("Say how to build C and C++ programs with the library.", ".config:command"),
        "completion": ("Print what makes the Tab key work in a shell.", ".completion:command"),
    },
}
COMMANDS = {name: known for section in SECTIONS.values() for name, known in section.items()}

EPILOG = """\b
Exit codes:
  0    done
  1    failed: VPP said no or has no such message, the connection was lost,
       diff found a difference
  2    wrong usage: an option, a field or a value is wrong
  3    no connection
  4    no answer in time
  130  interrupted (Ctrl-C)

\b
Examples:
  vapi demo
  vapi info --address /run/vpp/api.sock
  vapi dump sw_interface_dump --where '"admin_up" in flags'
  vapi sim --socket /tmp/api.sock &
  vapi call create_loopback --address /tmp/api.sock

\b
Environment: VAPI_ADDRESS (address), NO_COLOR, VAPI_CACHE_DIR (definitions),
VAPI_DEBUG=1 (tracebacks). Tab key: vapi completion --help. More: docs/cli.md.
"""


class LazyGroup(click.Group):
    """Knows its commands by name; imports one when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][1].partition(":")
        command: click.Command = getattr(importlib.import_module(module, __package__), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"no such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (text, _) in commands.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vapi")
def group() -> None:
    """Speak VPP's binary API: over its socket, or through shared memory."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns the exit code. Errors are one line on stderr."""
    if COMPLETE in os.environ:
        from .completion import register

        register()
    try:
        result = group.main(
            args=None if arguments is None else list(arguments),
            prog_name="vapi",
            standalone_mode=False,
        )
        sys.stdout.flush()
        return result if isinstance(result, int) else OK
    except click.exceptions.Exit as error:
        return error.exit_code
    except SystemExit as error:  # of a program in `vapi shell`
        if error.code is None or isinstance(error.code, int):
            return error.code or OK
        return _say(str(error.code), FAILED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "vapi"
        return _say(f"{error.format_message()} (see `{command} --help`)", USAGE)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has enough: nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        code = _code(error)
        if code is None or os.environ.get("VAPI_DEBUG"):
            raise
        hint = " (`vapi doctor` looks into it)" if code == NO_CONNECTION else ""
        return _say(f"{_text(error)}{hint}", code)


def _text(error: Exception) -> str:
    """What an error says; of the system's, the file first and no number."""
    if type(error).__module__ == "builtins" and isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _code(error: Exception) -> int | None:
    """The exit code of an expected error; None for one that deserves its traceback."""
    from .._errors import ConnectFailed, InvalidArgument, Timeout, VapiError

    if isinstance(error, InvalidArgument):
        return USAGE
    generator = sys.modules.get("vapi_cffi.generator")
    if generator is not None and isinstance(error, generator.ApiError):  # of a file of --api
        return USAGE
    if isinstance(error, ConnectFailed):
        return NO_CONNECTION
    if isinstance(error, Timeout):
        return TIMEOUT
    return FAILED if isinstance(error, (VapiError, OSError)) else None


def _say(text: str, code: int) -> int:
    print(f"vapi: {' '.join(text.split())}", file=sys.stderr)
    return code
