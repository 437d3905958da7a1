"""Definitions for the codec's tests: VPP's own, if they are at hand, and small ones made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vapi_cffi._catalog import Scope

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "vpp-26.06"


class Documents:
    """Definitions of parsed `.api.json` documents."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self.types: dict[str, tuple[str, Any]] = {}
        self.messages: dict[str, list[Any]] = {}
        for document in documents:
            for section in ("enums", "enumflags", "unions", "types"):
                for item in document.get(section, []):
                    self.types[item[0]] = (section, item)
            for name, alias in document.get("aliases", {}).items():
                self.types[name] = ("aliases", alias)
            for item in document.get("messages", []):
                self.messages[item[0]] = item

    def type_of(self, name: str) -> tuple[str, Any] | None:
        return self.types.get(name)

    def message(self, name: str) -> list[Any] | None:
        return self.messages.get(name)


@pytest.fixture(scope="session")
def vpp_documents() -> Documents:
    """All 152 API files of VPP 26.06."""
    files = sorted(SHARED.rglob("*.api.json"))
    if not files:
        pytest.skip(f"no API files of VPP in {SHARED}")
    return Documents([json.loads(file.read_text(encoding="utf-8")) for file in files])


@pytest.fixture(scope="session")
def vpp(vpp_documents: Documents) -> Scope:
    """Codecs of all messages of VPP 26.06."""
    return Scope(vpp_documents)


@pytest.fixture
def scope_of() -> Callable[..., Scope]:
    """Makes a scope of one message `m` with the given fields, and types."""

    def make(*fields: list[Any], **sections: Any) -> Scope:
        message = ["m", ["u16", "_vl_msg_id"], ["u32", "client_index"], ["u32", "context"]]
        document = {"messages": [[*message, *fields, {"crc": "0x00000001"}]], **sections}
        return Scope(Documents([document]))

    return make
