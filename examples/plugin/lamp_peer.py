"""The plugin's side of lamp.api in the embedded peer: `python lamp_peer.py SOCKET`."""

import sys
from collections.abc import Iterator
from typing import Any

from vapi_cffi.sim import Peer, Request

NO_SUCH_ENTRY = -6


class Shelf:
    """Lamps by number, and how they were switched."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.lamps: dict[int, Any] = {}
        self.past: list[dict[str, Any]] = []
        peer.on("lamp_clear")(self.clear)
        peer.on("lamp_add")(self.add)
        peer.on("lamp_switch")(self.switch)
        peer.on("lamp_dump")(self.dump)
        peer.on("lamp_history_get")(self.history)

    def clear(self, request: Request) -> int:
        self.lamps.clear()
        self.past.clear()
        return 0

    def add(self, request: Request) -> bytes:
        lamp = request.args.lamp
        lamp.id = len(self.lamps) + 1
        self.lamps[lamp.id] = lamp
        return request.reply(id=lamp.id)

    def switch(self, request: Request) -> int:
        flags, ids = request.args.flags, request.args.ids
        if any(number not in self.lamps for number in ids):
            return NO_SUCH_ENTRY
        for number in ids:
            self.lamps[number].flags = flags
            self.past.append({"id": number, "flags": flags})
            self.peer.send_event("lamp_event", id=number, flags=flags)
        return 0

    def dump(self, request: Request) -> Iterator[bytes]:
        for lamp in self.lamps.values():
            yield request.details(lamp=lamp)

    def history(self, request: Request) -> Iterator[bytes]:
        for row in self.past:
            yield request.details(**row)
        yield request.reply()


if __name__ == "__main__":
    with Peer(socket_path=sys.argv[1], api=["lamp.api"]) as peer:
        Shelf(peer)
        print(f"serving on {peer.socket_path}", flush=True)
        peer.wait()
