"""The embedded peer: plays VPP's side, for tests, demos and benchmarks.

>>> from vapi_cffi.sim import Peer
>>> with Peer() as peer:                                                # doctest: +SKIP
...     connection = vapi_cffi.Connection(peer.address())

`Peer` runs in this process (a C thread that never takes the GIL), `Peer.spawn()` in one of its own.
It knows loopbacks with addresses, routes, bridge domains and events by itself, answers every other
message of its definitions with zeros, and does what a test or a plugin's author tells it:

>>> peer = Peer()
>>> script = peer.on("ip_route_add_del").reply(retval=-56).times(2)
>>> @peer.on("show_threads")
... def threads(request):
...     return request.reply(count=0)
>>> peer.close()

Other processes, in any language, tell it the same in JSON over a socket: `Control`, and
`vapi sim --control`.
"""

from ._client_info import ClientInfo
from ._control import Control
from ._definitions import Definitions, UnknownNameError
from ._faults import Faults
from ._peer import ALL_CLIENTS, SUBSCRIBERS, Peer
from ._recorded import Requests
from ._request import Handler, Request
from ._script import Script
from ._spawned import SpawnedPeer

__all__ = [
    "ALL_CLIENTS",
    "SUBSCRIBERS",
    "ClientInfo",
    "Control",
    "Definitions",
    "Faults",
    "Handler",
    "Peer",
    "Request",
    "Requests",
    "Script",
    "SpawnedPeer",
    "UnknownNameError",
]
