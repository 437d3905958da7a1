"""What pytest-benchmark measured, as rows: a Markdown table with ratios and spread, and a chart."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

#: Whom others are compared with, in this order: the first that took part in the same work.
BASES = ("VAPI C", "libsvm", "vpp_papi")


@dataclass(frozen=True)
class Row:
    """One number. `spread`: the interquartile range in percent of the median."""

    work: str
    client: str
    server: str
    transport: str
    depth: int
    rate: float
    unit: str
    spread: float
    ratios: tuple[tuple[str, float], ...] = ()


def rows(measured: dict[str, Any]) -> list[Row]:
    """Of pytest-benchmark's JSON, with the ratios to the others of the same work and server."""
    found = []
    for item in measured["benchmarks"]:
        info, stats = item["extra_info"], item["stats"]
        middle, spread = stats["median"], stats["iqr"] / stats["median"]
        rate = info["per_round"] / middle
        if info.get("rates"):  # a program that measured itself, without its start
            rate = median(info["rates"])
            spread = (max(info["rates"]) - min(info["rates"])) / rate
        found.append(
            Row(
                info["work"],
                info["client"],
                info["server"],
                info["transport"],
                info["depth"],
                rate,
                info["unit"],
                100 * spread,
            )
        )
    return [_compared(row, found) for row in found]


def _compared(row: Row, every: Iterable[Row]) -> Row:
    ratios = []
    for base in BASES:
        others = [
            item
            for item in every
            if item.client == base and item.work == row.work and item.server == row.server
        ]
        if not others or row.client == base:
            continue
        same = [item for item in others if item.transport == row.transport]
        near = [item for item in same or others if item.depth == row.depth] or same or others
        ratios.append((base, row.rate / near[0].rate))
    return Row(**{**row.__dict__, "ratios": tuple(ratios)})


def host(measured: dict[str, Any]) -> str:
    """The machine, in a line."""
    info = measured["machine_info"]
    return (
        f"{info['cpu']['count']} cores, {info['cpu'].get('brand_raw', info['machine'])}, "
        f"{info['system']} {info['release']}, Python {info['python_version']}; "
        f"{measured['datetime'][:10]}"
    )


def table(found: Iterable[Row]) -> str:
    """Markdown, one table a kind of work."""
    lines: list[str] = []
    work = None
    for row in sorted(found, key=lambda row: (row.work, row.server, row.transport, -row.rate)):
        if row.work != work:
            work = row.work
            lines += [
                "",
                f"### {work}",
                "",
                f"| client | server | transport | in flight | {row.unit}/s | spread | beside |",
                "| --- | --- | --- | ---: | ---: | ---: | --- |",
            ]
        beside = ", ".join(f"{ratio:.2g} x {base}" for base, ratio in row.ratios)
        lines.append(
            f"| {row.client} | {row.server} | {row.transport} | {row.depth} | {_number(row.rate)} "
            f"| {row.spread:.0f} % | {beside} |"
        )
    return "\n".join(lines).strip() + "\n"


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _text(words: str) -> str:
    """For between tags, where quotes stay what they are."""
    return html.escape(words, quote=False)


def chart(found: Iterable[Row], title: str) -> str:
    """An SVG with a bar a row, each kind of work on a scale of its own that begins at zero."""
    groups: dict[str, list[Row]] = {}
    for row in found:
        groups.setdefault(row.work, []).append(row)
    parts: list[str] = []
    y = 44
    for work, members in groups.items():
        y += 24
        parts.append(f'<text x="16" y="{y}" font-size="14" font-weight="600">{_text(work)}</text>')
        largest = max(row.rate for row in members)
        for row in members:
            y += 22
            name = " ".join(
                part
                for part in (
                    row.client,
                    row.transport,
                    f"depth {row.depth}" if row.depth > 1 else "",
                )
                if part
            )
            width = max(1, round(330 * row.rate / largest))
            fill = "#94a3b8" if row.client in BASES else "#4f46e5"
            parts += [
                f'<text x="300" y="{y + 3}" font-size="12" text-anchor="end">{_text(name)}</text>',
                f'<rect x="310" y="{y - 8}" width="{width}" height="14" rx="2" fill="{fill}"/>',
                f'<text x="{318 + width}" y="{y + 3}" font-size="12">'
                f"{_number(row.rate)} {_text(row.unit)}/s</text>",
            ]
        y += 8
    height = y + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" width="820" '
        'role="img" font-family="Helvetica, Arial, sans-serif" fill="#1f2937">\n'
        f'<title>{_text(title)}</title>\n<rect width="820" height="{height}" rx="10" '
        f'fill="#ffffff"/>\n<text x="16" y="30" font-size="16" font-weight="600">{_text(title)}'
        "</text>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def read(path: Path) -> dict[str, Any]:
    """pytest-benchmark's JSON."""
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded
