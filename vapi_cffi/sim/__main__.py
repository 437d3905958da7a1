"""`python -m vapi_cffi.sim`: the peer as a process, until SIGTERM, Ctrl-C, or its parent's end.

The first line of output, a JSON object, says that it serves and where. Other processes tell it what
to do by its control socket.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from vapi_cffi.generator import ApiError

from ._control import Control, end
from ._ending import wait_for_end
from ._peer import Peer


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m vapi_cffi.sim", description=__doc__)
    parser.add_argument("--socket", metavar="PATH", help="api socket (default: made up)")
    parser.add_argument("--shm-prefix", metavar="P", help="prefix of the files in /dev/shm")
    parser.add_argument("--no-shm", action="store_true", help="no classic shared memory")
    parser.add_argument("--no-socket", action="store_true", help="no socket, no memfd clients")
    parser.add_argument("--api", metavar="FILE|DIR", action="append", default=[])
    parser.add_argument(
        "-I", dest="include", metavar="DIR", action="append", default=[], help="for their imports"
    )
    parser.add_argument(
        "--control", metavar="PATH", help="socket for commands (docs/testing.md); '': made up"
    )
    parser.add_argument("--parent", metavar="PID", type=int, help="end when this process ends")
    parser.add_argument(
        "--option", metavar="NAME=VALUE", action="append", default=[], help="of peer_options_t"
    )
    parser.add_argument("--stats", action="store_true", help="print the counters at the end")
    return parser.parse_args(arguments)


def options_of(pairs: Sequence[str]) -> dict[str, int | float | str | bool]:
    """NAME=VALUE; numbers become numbers."""
    options: dict[str, int | float | str | bool] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        options[name] = int(value) if value.isdecimal() else value
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with one line of reason."""
    args = parse(arguments)
    offered = [] if args.no_socket else ["socket"]
    offered += [] if args.no_shm else ["shm"]
    options: dict[str, Any] = options_of(args.option)
    try:
        peer = Peer(
            args.socket,
            args.shm_prefix,
            api=args.api,
            include=args.include,
            transports=offered,
            **options,
        )
        peer.start()
        control = None if args.control is None else Control(peer, args.control or None).start()
    except (OSError, ValueError, AttributeError, ApiError) as error:
        print(f"vapi_cffi.sim: {error}", file=sys.stderr)
        return 1
    ready = {"socket": peer.socket_path, "shm_prefix": peer.shm_prefix, "pid": os.getpid()}
    if control is not None:
        ready["control"] = control.path
    print(json.dumps(ready), flush=True)
    try:
        wait_for_end(args.parent)
        if args.stats:
            print(json.dumps(peer.stats), flush=True)
    finally:
        end(peer, control)
    return 0


if __name__ == "__main__":
    sys.exit(main())
