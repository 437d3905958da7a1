"""The embedded peer: plays VPP's side, for tests, demos and benchmarks.

>>> from vapi_cffi.sim import Peer
>>> with Peer() as peer:                                                # doctest: +SKIP
...     connection = vapi_cffi.Connection(peer.address())

`Peer` runs in this process (a C thread that never takes the GIL), `Peer.spawn()` in one of its own.
It knows loopbacks with addresses, routes, bridge domains and events by itself, answers every other
message of its definitions with zeros, and asks Python handlers where there are some:

>>> peer = Peer()
>>> @peer.on("show_threads")
... def threads(request):
...     return request.reply(count=0)
"""

from ._definitions import Definitions
from ._faults import Faults
from ._peer import ALL_CLIENTS, SUBSCRIBERS, ClientInfo, Peer
from ._request import Handler, Request
from ._spawned import SpawnedPeer

__all__ = [
    "ALL_CLIENTS",
    "SUBSCRIBERS",
    "ClientInfo",
    "Definitions",
    "Faults",
    "Handler",
    "Peer",
    "Request",
    "SpawnedPeer",
]
