"""`python -m generator`: the commands of `cli` behind argparse; needs no further packages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import DEFAULT_EFFORT, GENERATOR_VERSION, cli
from .emit import EmitOptions
from .output import Request

_BUILT_IN = {
    "c": "C headers, in DIR/vapi/",
    "cpp": "C++ headers, in DIR/vapi/",
    "python": "Python package",
    "json": ".api.json files",
    "api": "canonical .api files",
}


def _generate_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="generator",
        description="Generate bindings from .api and .api.json files.",
        epilog="`generator api ls|show|diff|lint` looks into API files.",
    )
    parser.add_argument("paths", nargs="+", metavar="FILE|DIR")
    for name, text in _BUILT_IN.items():
        parser.add_argument(f"--{name}", metavar="DIR", help=f"write {text}")
    parser.add_argument(
        "--emit", action="append", default=[], metavar="NAME=DIR", help="run another emitter"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="for other emitters"
    )
    _add_include(parser)
    parser.add_argument("--check", action="store_true", help="fail if any file would change")
    parser.add_argument(
        "--no-cache", action="store_true", help="do the work even if nothing changed"
    )
    parser.add_argument(
        "--no-version", action="store_true", help="leave the generator's version out of the output"
    )
    parser.add_argument(
        "--trust-file-crc", action="store_true", help="take file CRCs of JSON without proof"
    )
    parser.add_argument(
        "--trust-crc", action="store_true", help="take message CRCs of JSON without check"
    )
    parser.add_argument("--version", action="version", version=GENERATOR_VERSION)
    return parser


def _add_include(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-I",
        dest="include",
        action="append",
        default=[],
        metavar="DIR",
        help="look for imports below DIR",
    )


def _pairs(parser: argparse.ArgumentParser, items: Sequence[str]) -> dict[str, str]:
    found = {}
    for item in items:
        name, sign, value = item.partition("=")
        if not sign or not name or not value:
            parser.error(f"{item!r}: expected NAME=VALUE")
        found[name] = value
    return found


def _generate(arguments: Sequence[str]) -> int:
    parser = _generate_parser()
    given = parser.parse_args(arguments)
    targets = {name: getattr(given, name) for name in _BUILT_IN if getattr(given, name)}
    targets |= _pairs(parser, given.emit)
    if not targets:
        parser.error(f"nothing to do: expected one of --{', --'.join(_BUILT_IN)}, --emit")
    options = EmitOptions(banner=not given.no_version, extra=_pairs(parser, given.option))
    request = Request(
        paths=given.paths,
        targets=targets,
        include_dirs=given.include,
        options=options,
        check=given.check,
        use_cache=not given.no_cache,
        effort=0 if given.trust_file_crc else DEFAULT_EFFORT,
        trust_crc=given.trust_crc,
    )
    return cli.run_generate(request)


def _api_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="generator api", description="Look into API files.")
    commands = parser.add_subparsers(dest="command", required=True)
    ls = commands.add_parser("ls", help="list messages")
    ls.add_argument("paths", nargs="+", metavar="FILE|DIR")
    ls.add_argument("--match", default="*", metavar="GLOB", help="only names that match")
    show = commands.add_parser("show", help="show a message or type")
    show.add_argument("name", metavar="MESSAGE")
    show.add_argument("paths", nargs="+", metavar="FILE|DIR")
    diff = commands.add_parser("diff", help="compare two APIs")
    diff.add_argument("old", metavar="OLD")
    diff.add_argument("new", metavar="NEW")
    lint = commands.add_parser("lint", help="give advice")
    lint.add_argument("paths", nargs="+", metavar="FILE|DIR")
    lint.add_argument("--without", action="append", default=[], metavar="RULE")
    for command in (ls, show, diff, lint):
        _add_include(command)
    return parser


def _api(arguments: Sequence[str]) -> int:
    given = _api_parser().parse_args(arguments)
    if given.command == "ls":
        return cli.run_ls(given.paths, include_dirs=given.include, pattern=given.match)
    if given.command == "show":
        return cli.run_show(given.name, given.paths, include_dirs=given.include)
    if given.command == "diff":
        return cli.run_diff([given.old], [given.new], include_dirs=given.include)
    without = frozenset(given.without)
    return cli.run_lint(given.paths, include_dirs=given.include, without=without)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the result is the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["api"]:
        return _api(words[1:])
    return _generate(words)


if __name__ == "__main__":
    sys.exit(main())
