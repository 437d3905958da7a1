"""`VppEnum.vl_api_X_t`: enums of the API by name."""

from __future__ import annotations

from typing import Any

from ._registry import vpp_get_type


class VppEnumType(type):
    """Looks attributes of a class up among the enums."""

    def __getattr__(cls, name: str) -> Any:
        found = vpp_get_type(name)
        if found is None or not hasattr(found, "enum"):
            raise AttributeError(f"there is no enum {name!r}: are its definitions loaded?")
        return found.enum


class VppEnum(metaclass=VppEnumType):
    """Enums by name, each an `IntFlag`.

    >>> VppEnum.vl_api_address_family_t.ADDRESS_IP6                         # doctest: +SKIP
    <vl_api_address_family_t.ADDRESS_IP6: 1>
    """


class VppEnumFlag(metaclass=VppEnumType):
    """The same."""
