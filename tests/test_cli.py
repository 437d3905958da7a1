"""The program `vapi`, run as a program."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from _children import line

from vapi_cffi import TRANSPORTS, Transport, __version__
from vapi_cffi.sim import Peer, SpawnedPeer

ESCAPE = "\x1b"


def vapi(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vapi_cffi.cli", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_help_imports_little() -> None:
    program = (
        "import sys, vapi_cffi.cli\n"
        "try: vapi_cffi.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = 'rich', 'lark', 'vapi_cffi._native', 'vapi_cffi.generator'\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_version() -> None:
    assert __version__ in vapi("--version").stdout


def test_ping(peer_process: SpawnedPeer, transport: Transport) -> None:
    done = vapi("ping", "-a", peer_process.address(transport), "-t", transport, "--count", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"from process {peer_process.pid}") == 3
    assert f"over {transport}" in done.stdout
    assert "3 answered" in done.stdout


def test_many_pings_are_summed_up() -> None:
    done = vapi("ping", "-a", "sim:", "--count", "2000")
    assert done.returncode == 0, done.stderr
    assert "2000 answered" in done.stdout
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == "", "no progress bar without a terminal"


def test_info(peer_process: SpawnedPeer, transport: Transport) -> None:
    done = vapi("info", "-a", peer_process.address(transport), "-t", transport, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["transport"] == transport
    assert facts["pid"] == peer_process.pid
    assert facts["messages"] > 28
    assert facts["version"].startswith("26.06")
    assert (
        f"transport: {transport}"
        in vapi("info", "-a", peer_process.address(transport), "-t", transport).stdout
    )


def test_the_address_may_come_from_the_environment(
    peer_process: SpawnedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAPI_ADDRESS", peer_process.address("shm"))
    assert "transport: shm" in vapi("info").stdout


def test_bench_json() -> None:
    done = vapi("bench", "--json", "--seconds", "0.05", "--depth", "32")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert {(r["transport"], r["mode"], r["depth"]) for r in results} == {
        (t, m, d) for t in TRANSPORTS for m, d in (("sync", 1), ("pipelined", 32))
    }
    for result in results:
        assert set(result) == {"name", "mode", "transport", "depth", "count", "rate_per_s"}
        assert result["count"] > 0
        assert result["rate_per_s"] > 0


def test_bench_table_is_plain_in_a_pipe(peer_process: SpawnedPeer) -> None:
    done = vapi("bench", "-a", peer_process.address("shm"), "--seconds", "0.05")
    assert done.returncode == 0, done.stderr
    assert ESCAPE not in done.stdout
    assert "pipelined" in done.stdout


def test_demo() -> None:
    done = vapi("demo", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    assert ESCAPE not in done.stdout
    for word in (*TRANSPORTS, "messages known", "is up", "non-blocking", "round trips/s"):
        assert word in done.stdout
    assert not list(Path("/dev/shm").glob(f"vapi-{os.getpid()}-*"))


def test_a_terminal_gets_colour_and_a_bar() -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "vapi_cffi.cli", "demo", "--seconds", "0.3"],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # EIO: the other side closed
                break
            if not part:
                break
            shown += part
    os.close(leader)
    assert process.returncode == 0
    assert b"\x1b[1m" in shown
    assert b"measuring" in shown


def test_no_answer_has_its_exit_code(peer: Peer) -> None:
    with peer.faults.stalled():
        done = vapi("ping", "-a", peer.address(), "--timeout", "0.3")
    assert done.returncode in (3, 4)
    assert "0.3" in done.stderr or "time" in done.stderr


def test_ctrl_c_is_clean() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vapi_cffi.cli", "ping", "-a", "sim:", "--count", "100000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert line(process).startswith("pinging")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == "vapi: interrupted"


def test_a_closed_pipe_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vapi_cffi.cli", "info", "-a", "sim:"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_sim_serves_until_it_is_told_to_end(tmp_path: Path, shm_prefix: str) -> None:
    path = tmp_path / "sim.sock"
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "vapi_cffi.cli", "sim", "--stats"),
            *("--socket", str(path), "--shm-prefix", shm_prefix),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert line(process) == f"serving on unix:{path}"
        assert line(process) == f"serving in shm:{shm_prefix}"
        assert path.stat().st_mode & 0o777 == 0o660
        assert vapi("ping", "-a", f"shm:{shm_prefix}").returncode == 0
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "clients_total" in output
    assert not path.exists()
    assert not list(Path("/dev/shm").glob(f"{shm_prefix}*"))


def test_generate_and_api(tmp_path: Path) -> None:
    source = tmp_path / "mine.api"
    source.write_text(
        'option version = "1.0.0";\n'
        "autoreply define do_it\n{\n  u32 client_index;\n  u32 context;\n  u32 value;\n};\n"
    )
    done = vapi("generate", str(source), "--json", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out").rglob("*.json"))
    listed = vapi("api", "ls", str(source))
    assert listed.returncode == 0, listed.stderr
    assert "do_it" in listed.stdout
