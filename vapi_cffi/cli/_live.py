"""The API of a running VPP, as the generator understands it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from .._errors import MessageUnavailable
from ._options import Target

if TYPE_CHECKING:
    from types import TracebackType


class Live:
    """A VPP while one looks into its API; use it in a `with`.

    Errors: those of connecting; `MessageUnavailable` if VPP does not describe its API.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client: Any = None

    def __enter__(self) -> Self:
        self._client = self._target.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def model(self) -> Any:
        """A `generator.Model` of all that VPP says about itself."""
        from ..generator import load_json_text

        try:
            reply = self._client.api.get_api_json()
        except AttributeError as error:
            raise MessageUnavailable(
                "this VPP does not describe its API (it is older than 24.06): name its files, "
                "as /usr/share/vpp/api"
            ) from error
        return load_json_text(reply.json, "live")

    def number_text(self, name_crc: str) -> str:
        """What number VPP has for a message."""
        number = self._client.connection.message_table.get(name_crc)
        if number is None:
            return f"this VPP has no {name_crc}"
        return f"number {number} of this VPP"
