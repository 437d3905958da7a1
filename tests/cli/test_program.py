"""What holds for every command: help, exit codes, errors of one line."""

from __future__ import annotations

import pytest

from vapi_cffi.cli._group import COMMANDS

from .conftest import Vapi  # type: ignore[import-not-found]


def test_help_lists_commands_and_exit_codes(vapi: Vapi) -> None:
    out = vapi.ok("--help")
    for word in (*COMMANDS, "Exit codes", "Examples", "130"):
        assert word in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "\b" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(vapi: Vapi, command: str) -> None:
    out = vapi.ok(command, "--help")
    assert "Example" in out
    assert f"vapi {command}" in out.split("Example")[1]
    assert "\b" not in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_without_a_command_there_is_help(vapi: Vapi) -> None:
    done = vapi()
    assert done.code == 2
    assert done.err.startswith("Usage: vapi")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ping", "-a", "/nowhere/api.sock"), 3, "/nowhere/api.sock"),
        (("info", "-a", "shm:vapi-nobody"), 3, "vapi-nobody"),
        (("info", "-a", "tcp:host"), 2, "'tcp:host' is not an address"),
        (("ping", "--count", "0"), 2, "--count"),
        (("ping", "-t", "pigeon"), 2, "pigeon"),
        (("nothing",), 2, "nothing"),
        (("bench", "-a", "/nowhere/api.sock", "-t", "shm"), 2, "no address for shm"),
        (("generate", "x.api"), 2, "x.api"),
        (("sim", "--socket", "/nowhere/api.sock"), 1, "/nowhere/api.sock"),
        (("config",), 2, "--cflags"),
        (("config", "--cflags", "--static"), 2, "--static goes with --libs"),
    ],
)
def test_errors_are_one_line(vapi: Vapi, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = vapi(*arguments)
    if arguments[0] == "generate":
        words = "expected one of"
    assert words in done.error
    assert done.code == code
