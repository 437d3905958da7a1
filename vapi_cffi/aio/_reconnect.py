"""Coming back to a VPP that was restarted, for asyncio clients."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .._errors import ConnectionLost, MisuseError, Timeout, VapiError
from .._reconnect import FIRST_PAUSE, LONGEST_PAUSE

if TYPE_CHECKING:
    from ._client import Client

log = logging.getLogger("vapi_cffi")


class Reconnector:
    """Tries to connect until it works, in a task that lives only while the connection is lost."""

    def __init__(self, client: Client, callback: Callable[[Any], object] | None) -> None:
        self._client = client
        self._callback = callback
        self._task: asyncio.Task[None] | None = None
        self._back = asyncio.Event()
        self.count = 0
        self.failures = 0  # connects that did not work

    def start(self) -> None:
        """The connection was lost. Does nothing if that is known."""
        if self._task is None or self._task.done():
            self._back.clear()
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """The client is being closed."""
        task = self._task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._back.set()

    async def wait(self, timeout: float) -> None:
        """Until the connection is back, its callback included. Errors: `Timeout`."""
        try:
            async with asyncio.timeout(timeout):
                await self._back.wait()
        except TimeoutError:
            raise Timeout(f"VPP did not come back for {timeout:g} s") from None
        if self._client.channel.broken is not None:
            raise ConnectionLost("the client was closed")

    async def _run(self) -> None:
        client, pause = self._client, FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while client.is_lost:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await client.open_in_thread(loop, client.reopen, "vapi-reconnect")
                await client.restored()
            except MisuseError as error:
                log.error("gave up reconnecting to %s: %s", client.connection.address, error)
                self._back.set()
                return
            except VapiError as error:
                self.failures += 1
                log.debug("not back yet: %s", error)
            else:
                pause = FIRST_PAUSE  # should it be gone again when all is told
                self.count += 1
                log.info("reconnected to %s", client.connection.address)
                await self._tell()
        self._back.set()

    async def _tell(self) -> None:
        """The program's own callback."""
        if self._callback is None:
            return
        try:
            returned = self._callback(self._client)
            if inspect.isawaitable(returned):
                await returned
        except Exception:  # the program's own; the connection is fine
            log.exception("on_reconnect failed")
