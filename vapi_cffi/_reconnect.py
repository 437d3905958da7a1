"""Coming back to a VPP that was restarted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any

from ._errors import ConnectionLost, MisuseError, Timeout, VapiError
from ._timeouts import patience

if TYPE_CHECKING:
    from ._client import Client

log = logging.getLogger("vapi_cffi")

#: Seconds between attempts: the first, and the longest. Each is twice the one before.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0


class Reconnector:
    """Tries to connect until it works, in a thread that lives only while the connection is
    lost."""

    def __init__(self, client: Client, callback: Callable[[Any], object] | None) -> None:
        self._client = client
        self._callback = callback
        self._lock = Lock()
        self._thread: Thread | None = None
        self._stopped = Event()
        self._back = Event()
        self._back.set()
        self.count = 0
        self.failures = 0  # connects that did not work

    def start(self) -> None:
        """The connection was lost. Does nothing if that is known."""
        with self._lock:
            if self._thread is not None or self._stopped.is_set():
                return
            if self._client.connection.is_connected:
                return  # it is back already: a late report
            self._back.clear()
            self._thread = Thread(target=self._run, name="vapi-reconnect", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """The client is being closed."""
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join()

    def wait(self, timeout: float) -> None:
        """Until the connection is back, its callback included. Errors: `Timeout`."""
        if self._back.is_set() and not self._client.connection.is_connected:
            self.start()
        if not self._back.wait(patience(timeout)):
            raise Timeout(f"VPP did not come back for {timeout:g} s")
        if self._stopped.is_set():
            raise ConnectionLost("the client was closed")

    def _run(self) -> None:
        client, pause = self._client, FIRST_PAUSE
        try:
            while not self._stopped.wait(pause):
                pause = min(pause * 2, LONGEST_PAUSE)
                try:
                    client.connection.connect()
                    client.restored()
                except MisuseError as error:
                    log.error("gave up reconnecting to %s: %s", client.connection.address, error)
                    return
                except VapiError as error:
                    self.failures += 1
                    log.debug("not back yet: %s", error)
                    continue
                self.count += 1
                log.info("reconnected to %s", client.connection.address)
                if self._callback is not None:
                    try:
                        self._callback(client)
                    except Exception:  # the program's own; the connection is fine
                        log.exception("on_reconnect failed")
                if client.connection.is_connected:
                    return
                pause = FIRST_PAUSE  # and gone again
        finally:
            # Together: whoever starts the next thread has its "not back" after this one's "back".
            with self._lock:
                self._thread = None
                self._back.set()
