"""The peer in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

#: How long the child may take to end before it is killed.
STOP_SECONDS = 20.0


class SpawnedPeer:
    """`python -m vapi_cffi.sim` as a child; it ends when this process does.

    `socket_path`, `shm_prefix`: as of `Peer`, filled in by `start()` if they were made up.
    """

    def __init__(
        self,
        socket_path: str | None = None,
        shm_prefix: str | None = None,
        *,
        api: Sequence[str | Path] = (),
        **options: int | float | str | bool,
    ) -> None:
        self.socket_path = socket_path
        self.shm_prefix = shm_prefix
        self.pid = 0
        self._process: subprocess.Popen[str] | None = None
        self._command = [sys.executable, "-m", "vapi_cffi.sim", "--parent", str(os.getpid())]
        if socket_path is not None:
            self._command += ["--socket", socket_path]
        if shm_prefix is not None:
            self._command += ["--shm-prefix", shm_prefix]
        for path in api:
            self._command += ["--api", str(path)]
        for name, value in options.items():
            text = str(int(value)) if isinstance(value, bool) else str(value)
            self._command += ["--option", f"{name}={text}"]

    def start(self) -> Self:
        """Returns when it serves. `OSError` with its last words when it does not."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the parent's; the child is stopped by it
        )
        assert self._process.stdout is not None
        # One line when it serves; the end of the file when it could not.
        line = self._process.stdout.readline()
        if not line:
            _, words = self._process.communicate()
            self._process = None
            raise OSError(f"the peer did not start: {words.strip().splitlines()[-1:] or words}")
        ready = json.loads(line)
        self.socket_path, self.shm_prefix = ready["socket"], ready["shm_prefix"]
        self.pid = self._process.pid
        return self

    def address(self, transport: str = "socket") -> str:
        """What to connect to."""
        return f"shm:{self.shm_prefix}" if transport == "shm" else f"unix:{self.socket_path}"

    def kill(self) -> None:
        """Ends it as kill -9 does: nothing is cleaned up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends it and removes what it leaves, even after `kill()`. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        leftovers = [Path("/dev/shm", f"{self.shm_prefix}-{n}") for n in ("global_vm", "vpe-api")]
        if self.socket_path is not None:
            leftovers.append(Path(self.socket_path))
        for path in leftovers:
            path.unlink(missing_ok=True)
        if self.socket_path is not None and Path(self.socket_path).parent.name.startswith("vapi-"):
            with contextlib.suppress(OSError):
                Path(self.socket_path).parent.rmdir()

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
