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

#: Commands, what they do in a line (so that --help imports none of them), and their modules.
COMMANDS = {
    "demo": ("Show what this does: three transports against an embedded peer.", ".demo"),
    "sim": ("Play VPP's side: serve clients on a socket and in shared memory.", ".sim"),
    "ping": ("Measure round trips to a VPP.", ".ping"),
    "bench": ("Measure messages a second, on each transport.", ".bench"),
    "info": ("Say what a VPP is: version, transports, messages.", ".info"),
    "generate": ("Generate C, C++ and Python bindings from API files.", ".generate"),
    "api": ("Look into API files: list, show, compare, advise.", ".api"),
    "config": ("Say how to build C and C++ programs with the library.", ".config"),
}

EPILOG = """\b
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no connection, 4 no answer in time, 130 interrupted.
\b
Examples:
  vapi demo
  vapi info --address /run/vpp/api.sock
  vapi sim --socket /tmp/api.sock &
  vapi ping --address /tmp/api.sock --count 1000
"""


class LazyGroup(click.Group):
    """Knows its commands by name; imports one when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[name][1], __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (text, _) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vapi")
def group() -> None:
    """Speak VPP's binary API: over its socket, or through shared memory."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns the exit code. Errors are one line on stderr."""
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
        return _say(str(error), code)


def _code(error: Exception) -> int | None:
    """The exit code of an expected error; None for one that deserves its traceback."""
    from .._errors import ConnectFailed, Timeout, VapiError

    if isinstance(error, ConnectFailed):
        return NO_CONNECTION
    if isinstance(error, Timeout):
        return TIMEOUT
    return FAILED if isinstance(error, (VapiError, OSError)) else None


def _say(text: str, code: int) -> int:
    print(f"vapi: {' '.join(text.split())}", file=sys.stderr)
    return code
