"""`vapi completion`: what makes the Tab key work, in bash, zsh and fish.

The functions that the shells get ask the program itself, with the line as it is. Candidates that
something must follow (`field=`, `route.`) get no space.
"""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

SHELLS = ("bash", "zsh", "fish")

#: What something must follow.
_OPEN = ("=", ".", ",", "|", ":")

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' kind value
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value; do
        case "$kind" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("$value") ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" \\
        COMP_WORDBREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local -a plain open
    local kind value
    while IFS=$'\\t' read -r kind value; do
        case "$kind" in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            open) open+=("$value") ;;
            plain) plain+=("$value") ;;
        esac
    done < <(COMP_LINE="${words[1,CURRENT]}" %(complete_var)s=zsh_complete \\
        ${words[1]} 2>/dev/null)
    (( ${#plain} )) && compadd -U -V plain -a plain
    (( ${#open} )) && compadd -U -S '' -V open -a open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l line (commandline --current-process --cut-at-cursor)
    for found in (env COMP_LINE="$line" %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split --max 1 \\t -- $found)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline --current-token)
            case file
                __fish_complete_path (commandline --current-token)
            case '*'
                echo $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

_PLACES = {
    "bash": "~/.local/share/bash-completion/completions/vapi",
    "zsh": '"${fpath[1]}/_vapi"',
    "fish": "~/.config/fish/completions/vapi.fish",
}


class _Shell(ShellComplete):
    """A shell that hands its line over as a whole, and takes a kind and a value a line."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        point = os.environ.get("COMP_POINT", "")
        if point.isdecimal():
            # bash counts bytes or letters, depending on the locale; a line of ASCII is the same.
            line = line[: int(point)]
        words = split_arg_string(line)
        last = "" if not line or line[-1].isspace() else words.pop()
        return words[1:], last

    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        drop = self.before_last_break(incomplete)
        return "\n".join(
            self.format_completion(_shortened(item, drop))
            for item in self.get_completions(args, incomplete)
        )

    def before_last_break(self, incomplete: str) -> str:
        """The part of the word that the shell keeps by itself."""
        return ""

    def format_completion(self, item: CompletionItem) -> str:
        kind = "open" if item.type == "plain" and item.value.endswith(_OPEN) else item.type
        return f"{kind}\t{item.value}"


def _shortened(item: CompletionItem, drop: str) -> CompletionItem:
    if item.type == "plain" and drop and item.value.startswith(drop):
        return CompletionItem(item.value[len(drop) :], item.type)
    return item


class Bash(_Shell):
    """bash takes `=` and `:` for the ends of words, and replaces what is behind them."""

    name = "bash"
    source_template = _BASH

    def before_last_break(self, incomplete: str) -> str:
        breaks = os.environ.get("COMP_WORDBREAKS", "")
        cut = max((incomplete.rfind(sign) for sign in "=:" if sign in breaks), default=-1)
        return incomplete[: cut + 1]


class Zsh(_Shell):
    """zsh takes whole words."""

    name = "zsh"
    source_template = _ZSH


class Fish(_Shell):
    """fish takes whole words, and knows itself what needs no space."""

    name = "fish"
    source_template = _FISH


def register() -> None:
    """Makes click use these."""
    kinds: list[type[ShellComplete]] = [Bash, Zsh, Fish]
    for kind in kinds:
        add_completion_class(kind)


@click.command(
    epilog="\b\nExamples:\n"
    '  eval "$(vapi completion bash)"       # now, in this shell\n'
    + "".join(f"  vapi completion {shell} > {place}\n" for shell, place in _PLACES.items())
    + "\n"
    "Names of messages and fields come from the VPP that the line names, if it answers at once;\n"
    "else from the cache of definitions."
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print what makes the Tab key complete commands, options, messages and fields."""
    from ._group import COMPLETE, group

    register()
    kinds: dict[str, Any] = {"bash": Bash, "zsh": Zsh, "fish": Fish}
    click.echo(kinds[shell](group, {}, "vapi", COMPLETE).source(), nl=False)
