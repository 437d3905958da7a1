"""A client of the socket that is nothing but Python's own modules, to test the peer by."""

from __future__ import annotations

import socket
import struct


class BareClient:
    """Speaks VPP's framing. Requests are bytes behind client_index and context."""

    def __init__(self, path: str, name: str = "bare") -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.send(struct.pack(">HI64s", 15, 1, name.encode()))
        reply = self.recv()
        self.index = reply[14:18]
        (count,) = struct.unpack_from(">H", reply, 18)
        self.table: dict[str, int] = {}
        for i in range(count):
            number, text = struct.unpack_from(">H64s", reply, 20 + 66 * i)
            self.table[text.rstrip(b"\0").decode()] = number
        self.names = {number: name.rpartition("_")[0] for name, number in self.table.items()}

    def send(self, body: bytes) -> None:
        self.socket.sendall(struct.pack(">QII", 0, len(body), 0) + body)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def recv(self) -> bytes:
        (size,) = struct.unpack(">8xI4x", self._exactly(16))
        return self._exactly(size)

    def request(self, name: str, rest: bytes = b"", context: int = 7) -> None:
        """By name without CRC."""
        (number,) = (n for text, n in self.table.items() if text.rpartition("_")[0] == name)
        self.send(struct.pack(">H4sI", number, self.index, context) + rest)

    def expect(self, name: str) -> bytes:
        data = self.recv()
        got = self.names[struct.unpack_from(">H", data)[0]]
        assert got == name, f"received {got}"
        return data

    def call(self, name: str, rest: bytes = b"") -> bytes:
        """A request and its reply, whose context must be the same."""
        self.request(name, rest)
        data = self.expect(f"{name}_reply")
        assert data[2:6] == struct.pack(">I", 7)
        return data

    def close(self) -> None:
        self.socket.close()
