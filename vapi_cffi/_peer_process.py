"""The embedded peer as a process of its own: `vapi sim` as a child, for the demo and the
benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from ._address import Transport
from ._errors import ConnectFailed

#: How long the child may take to say that it listens, and to end.
START_SECONDS = 20.0


class PeerProcess:
    """Runs from `start()` (or `with`) until `stop()`.

    >>> with PeerProcess() as peer:                                     # doctest: +SKIP
    ...     Connection(peer.address("shm"))

    `socket_path` and `shm_prefix` are made up unless given. The process ends when this one does.
    """

    def __init__(self, socket_path: str | None = None, shm_prefix: str | None = None) -> None:
        self._folder: str | None = None
        if socket_path is None:
            self._folder = tempfile.mkdtemp(prefix="vapi-")
            socket_path = str(Path(self._folder) / "api.sock")
        self.socket_path = socket_path
        self.shm_prefix = shm_prefix or f"vapi-{os.getpid()}-{id(self) & 0xFFFF:x}"
        self._process: subprocess.Popen[str] | None = None

    def address(self, transport: Transport) -> str:
        """What to connect to, for a transport."""
        return f"shm:{self.shm_prefix}" if transport == "shm" else f"unix:{self.socket_path}"

    @property
    def pid(self) -> int:
        """Of the process; 0 when it does not run."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> Self:
        """Starts it and waits until it listens. `ConnectFailed` with its words when it does not."""
        command = [sys.executable, "-m", "vapi_cffi.cli", "sim", "--parent", str(os.getpid())]
        command += ["--socket", self.socket_path, "--shm-prefix", self.shm_prefix]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours; we stop it ourselves
        )
        assert self._process.stdout is not None
        # The first line says that it listens; none comes when it ended.
        if not self._process.stdout.readline():
            _, words = self._process.communicate(timeout=START_SECONDS)
            self.stop()
            raise ConnectFailed(f"the embedded peer did not start: {words.strip()}")
        return self

    def kill(self) -> None:
        """Ends it as kill -9 does, leaving its files behind."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ends it and removes what it leaves. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.communicate(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        for name in ("global_vm", "vpe-api"):
            Path("/dev/shm", f"{self.shm_prefix}-{name}").unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
