"""The command line `vapi`. Each command is a module of its own, imported when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the `vapi` program: runs a command and exits with its code."""
    from ._group import run

    sys.exit(run(arguments))
