"""`python -m generator`, as a user runs it; and everything that could go wrong with its input."""

from __future__ import annotations

import json
import random
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from generator import load

Write = Callable[[dict[str, str]], Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
API = 'option version = "1.0.0";\nautoreply define m { u32 client_index; u32 context; };\n'


def test_generate(run: Run, tmp_path: Path) -> None:
    done = run("--json", "j", "--api", "a", GOLDEN / "input")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "24 files, 24 written\n"
    for path in (GOLDEN / "json").iterdir():
        assert (tmp_path / "j" / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "a/net/base_types.api").is_file()
    assert run("--json", "j", "--api", "a", GOLDEN / "input").stdout == "24 files, 0 written\n"


def test_check(run: Run, write: Write, tmp_path: Path) -> None:
    write({"a.api": API})
    done = run("--check", "--json", "out", "a.api")
    assert (done.returncode, done.stdout) == (1, "out/a.api.json: would change\n")
    assert run("--json", "out", "a.api").returncode == 0
    assert run("--check", "--json", "out", "a.api").returncode == 0
    (tmp_path / "out/a.api.json").write_text("{}")
    assert run("--check", "--json", "out", "a.api").returncode == 1


def test_include(run: Run, write: Write) -> None:
    write({"x/inc/t.api": "typedef t { u8 x; };", "a.api": 'import "inc/t.api";\n' + API})
    assert run("--json", "out", "a.api").returncode == 1
    assert run("-I", "x", "--json", "out", "a.api").returncode == 0
    assert run("-Ix", "--json", "out", "a.api").returncode == 0


def test_trust_crc(run: Run, write: Write, tmp_path: Path) -> None:
    """Off by default; and a run that trusted is no reason for one that does not to find its work
    done."""
    write({"a.api.json": '{"messages": [["m", ["u32", "context"], {"crc": "0xcafebafe"}]]}'})
    done = run("--c", "out", "a.api.json")
    assert done.returncode == 1
    assert "CRC 0xcafebafe in the file" in done.stderr
    assert run("--trust-crc", "--c", "out", "a.api.json").returncode == 0
    assert '"m_cafebafe"' in (tmp_path / "out/vapi/a.api.vapi.h").read_text("utf-8")
    assert run("--c", "out", "a.api.json").returncode == 1


def test_usage_errors(run: Run, write: Write) -> None:
    write({"a.api": API})
    done = run("a.api")
    assert done.returncode == 2
    assert "nothing to do: expected one of --c, --cpp" in done.stderr
    assert run("--json", "out").returncode == 2
    assert run("--emit", "x", "a.api").returncode == 2
    done = run("--emit", "nosuch=out", "a.api")
    assert done.returncode == 1
    assert "no emitter 'nosuch'; there are api, c, cpp, json, python" in done.stderr


def test_output_that_cannot_be_written(run: Run, write: Write) -> None:
    write({"a.api": API, "out": "a file"})
    done = run("--json", "out", "a.api")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("out")


def test_ls_and_show(run: Run, write: Write) -> None:
    write({"a.api": API})
    assert run("api", "ls", "a.api").stdout.splitlines() == [
        "m        51077d14  10          caller          a",
        "m_reply  e8d4e804  10          reply           a",
    ]
    assert run("api", "ls", "--match", "*_reply", "a.api").stdout.count("\n") == 1
    shown = run("api", "show", "m", "a.api").stdout
    assert "autoreply define m {" in shown
    assert "rpc m returns m_reply" in shown
    assert "     6     4  u32 context;" in shown
    assert run("api", "show", "vl_api_hop_t", GOLDEN / "input").stdout.startswith("typedef hop {")
    missing = run("api", "show", "nosuch", "a.api")
    assert (missing.returncode, missing.stderr) == (1, "no message or type 'nosuch'\n")


def test_diff(run: Run, write: Write) -> None:
    write({"old/a.api": API, "new/a.api": API.replace("context;", "context; u8 added;")})
    done = run("api", "diff", "old", "new")
    assert done.returncode == 1
    assert "changed message m" in done.stdout
    assert "field added: u8 added;" in done.stdout
    assert done.stdout.endswith("0 messages added, 0 messages removed, 1 messages changed\n")
    assert run("api", "diff", "old", "old").returncode == 0


def test_lint(run: Run, write: Write) -> None:
    write({"a.api": API})
    done = run("api", "lint", "a.api")
    assert (done.returncode, done.stdout) == (1, "a.api:2:18: comment: message m has no comment\n")
    assert run("api", "lint", "--without", "comment", "a.api").returncode == 0
    assert run("api", "lint", "nosuch.api").returncode == 1


_random = random.Random(26)


def _types(rows: list[str]) -> bytes:
    """JSON of typedefs: the first word of a row is the name, the others the types of fields. `t0`
    has a field only if a row says so."""
    found = {name: kinds for name, *kinds in (row.split() for row in rows)}
    found.setdefault("t0", [])
    types = [
        [name, *([f"vl_api_{kind}_t", f"f{at}"] for at, kind in enumerate(kinds))]
        for name, kinds in found.items()
    ]
    return json.dumps({"types": types}).encode()


HOSTILE: dict[str, bytes] = {
    "empty.api": b"",
    "unknown.api": b"typedef a { vl_api_nosuch_t b; };",
    "duplicate.api": b"typedef a { u8 x; };\nenum a { B, };",
    "cycle.api": b'import "cycle.api";',
    "keyword.api": b"define x { u32 string; };",
    "utf8.api": b'option a = "\xff";',
    "deep.api": b"{" * 1_000_000,
    "noise.api": _random.randbytes(10 << 20),
    "tokens.api": bytes(_random.choices(b'abc {};\n"/*', k=10 << 20)),
    "tokens_small.api": bytes(_random.choices(b'abc {};\n"/*', k=1 << 19)),
    "statements.api": b"option x\n" * 100_000,
    "comment.api": b"/*" + b"*" * 1_000_000,
    "string.api": b'"' + b"\\" * 1_000_000,
    "number.api": b"typedef a { u8 x[" + b"9" * 100_000 + b"]; };",
    "huge.api": b"typedef a { u8 x[4000000000]; };",
    "empty.api.json": b"",
    "noise.api.json": _random.randbytes(10 << 20),
    "deep.api.json": b"[" * 10_000_000,
    "deeper.api.json": b'{"messages":' * 500_000,
    "digits.api.json": b"1" * 1_000_000,
    "numbers.api.json": b"[1" + b",1" * 4_000_000 + b"]",
    "fields.api.json": b'{"messages":[' + b'["a",3],' * 1_000_000 + b'["a",3]]}',
    "bomb.api.json": _types([f"t{at + 1} t{at} t{at}" for at in range(38)]),
    "chain.api.json": _types([f"t{at + 1} t{at}" for at in range(5000)]),
    "ring.api.json": _types([*(f"t{at + 1} t{at}" for at in range(5000)), "t0 t5000"]),
    "path.api.json": b'[{"module":"../../evil","messages":[["a",["u32","context"]]]}]',
    "surrogate.api.json": b'{"messages":[["a\\ud800",["u8","x"]]]}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_input(run: Run, tmp_path: Path, name: str) -> None:
    """An error with a place, no traceback, no output, in a moment."""
    (tmp_path / name).write_bytes(HOSTILE[name])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run("--json", "out", "--api", "out", name)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}:")
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 10_000
    assert not (tmp_path / "out").exists()
    # Seconds of CPU, because machines are shared. Measured: at most 0.8.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


UNSUPPORTED = """\
option version = "1.0.0";
typedef rule { u32 id; u8 n; u8 text[n]; };
typedef rules { u8 n; vl_api_rule_t list[n]; };
typedef vl_api_rules_t all_rules;
autoreply define set { u32 client_index; u32 context; u8 n; vl_api_rule_t list[n]; };
autoreply define plain { u32 client_index; u32 context; vl_api_rule_t one; };
define pair_get { u32 client_index; u32 context; };
define pair_get_reply { u32 context; i32 retval; };
define pair_details { u32 context; vl_api_all_rules_t all; };
service { rpc pair_get returns pair_get_reply stream pair_details; };
define pair_dump { u32 client_index; u32 context; };
"""


def test_what_is_unsupported_is_left_out_alone(write: Write, run: Run) -> None:
    """What needs it goes with it, and whole services; in each form the rest is as it was."""
    folder = write({"t.api": UNSUPPORTED})
    model = load(folder / "t.api")
    assert [str(item).partition("t.api:")[2] for item in model.warnings] == [
        "3:37: warning: 'rules' is left out: "
        "array 'list' of vl_api_rule_t, which has a variable size",
        "4:24: warning: 'all_rules' is left out: vl_api_rules_t is",
        "5:75: warning: 'set' is left out: "
        "array 'list' of vl_api_rule_t, which has a variable size",
        "9:55: warning: 'pair_details' is left out: vl_api_all_rules_t is",
    ]
    assert set(model.types) == {"rule"}
    assert set(model.messages) == {"plain", "plain_reply"}
    assert set(model.services) == {"plain"}
    targets = ["--c", "c", "--cpp", "cpp", "--python", "py", "--json", "json", "--api", "api"]
    done = run(*targets, "t.api")
    assert done.returncode == 0
    assert done.stderr.count("is left out") == 4
    for path in ("api/t.api", "json/t.api.json"):
        again = load(folder / path, effort=0)  # JSON keeps the CRC of the whole file
        assert not again.warnings
        assert (again.types, again.messages) == (model.types, model.messages)
