"""`vapi shell`: programs, and what the Tab key offers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vapi_cffi import Client, connect
from vapi_cffi.cli.shell import Completer, namespace

from .conftest import Vapi  # type: ignore[import-not-found]


def test_programs(vapi: Vapi) -> None:
    assert vapi.ok("shell", "-c", "print(api.show_version().program)") == "vpe\n"
    out = vapi.ok("shell", stdin="table(api.sw_interface_dump(), 'sw_if_index', where='1 == 1')\n")
    assert out.splitlines()[:2] == ["sw_if_index", "          0"]
    done = vapi("shell", "-c", "api.sw_interface_set_flags(sw_if_index=99)")
    assert done.code == 1
    assert "INVALID_SW_IF_INDEX" in done.error
    done = vapi("shell", "-c", "1/0")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert vapi("shell", "-c", "raise SystemExit(7)").code == 7
    done = vapi("shell", "-c", "exit()")  # SystemExit(None)
    assert (done.code, done.err) == (0, "")


@pytest.fixture
def completer(vapi: Vapi) -> Iterator[Completer]:
    client: Client
    with connect(vapi.peer.address()) as client:
        yield Completer(namespace(client))


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        ("api.create_lo", "api.create_lo", {"api.create_loopback", "api.create_loopback_instance"}),
        ("client.api.show_v", "client.api.show_v", {"client.api.show_version", *()}),
        ("api.create_loopback(", "", {"mac_address="}),
        ("api.sw_interface_set_flags(sw_if_index=1, f", "f", {"flags="}),
        ("api.sw_interface_set_flags(sw_if_index=1, ", "", {"flags="}),
        ("cli", "cli", {"client"}),
        ("imp", "imp", {"import"}),
        ("nothing.at.all", "nothing.at.all", set()),
    ],
)
def test_completion(completer: Completer, line: str, text: str, words: set[str]) -> None:
    found = set(completer.words(line, text))
    assert words <= found
    if "(" in line:
        assert found == words
