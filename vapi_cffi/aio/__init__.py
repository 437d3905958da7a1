"""VPP's API for asyncio.

>>> import asyncio, vapi_cffi.aio
>>> async def main():                                                   # doctest: +SKIP
...     async with vapi_cffi.aio.connect("sim:") as vpp:
...         print((await vpp.api.show_version()).version)
...         async for interface in vpp.api.sw_interface_dump():
...             print(interface.interface_name)
>>> asyncio.run(main())                                                 # doctest: +SKIP

Requests of one turn of the loop leave together, so `asyncio.gather` of thousands is pipelined over
one connection. Cancelling one leaves the connection as it was. Works on uvloop as well.
"""

from __future__ import annotations

from ._api import Api
from ._client import Client, connect
from ._dump import Dump, Stream
from ._events import Events

__all__ = ["Api", "Client", "Dump", "Events", "Stream", "connect"]

for _item in (Client, Dump, Events, Stream, connect):
    _item.__module__ = __name__
del _item
