"""Somebody who is connected to a peer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClientInfo:
    """Somebody who is connected."""

    client_id: int
    name: str
    pid: int
    transport: str
