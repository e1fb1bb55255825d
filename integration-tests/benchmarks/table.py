"""Rows of the benchmark table: ours beside a peer, in one run, with the target that the figure is held against."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measured comparison."""

    name: str
    ours: float
    peer: float | None
    """None: no peer, the target is absolute."""
    ratio: float | None
    """``ours / peer``, or the other way round where the name says "times faster"."""
    target: str
    """What is promised: ``ratio <= 1.10``, ``>= 250/s``."""
    ok: bool
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Context:
    """What every benchmark module's ``run(context) -> list[Row]`` gets."""

    folder: Path
    """An empty folder for data; deleted afterwards."""
    home: Path
    """``$QUANG_HOME``: where results are kept."""


def at_most(name: str, ours: float, peer: float, limit: float, unit: str, note: str = "") -> Row:
    """``ours`` may be at most ``limit`` times the peer's figure."""
    ratio = ours / peer
    return Row(name, ours, peer, ratio, f"ratio <= {limit:.2f}", ratio <= limit, unit, note)


def times_faster(name: str, ours: float, peer: float, limit: float, unit: str, note: str = "") -> Row:
    """The peer must take at least ``limit`` times as long; the ratio is how many times."""
    ratio = peer / ours
    return Row(name, ours, peer, ratio, f"peer/ours >= {limit:g}", ratio >= limit, unit, note)


def at_least(name: str, ours: float, limit: float, unit: str, note: str = "") -> Row:
    """An absolute floor."""
    return Row(name, ours, None, None, f">= {limit:g}", ours >= limit, unit, note)


def no_more_than(name: str, ours: float, limit: float, unit: str, note: str = "") -> Row:
    """An absolute ceiling."""
    return Row(name, ours, None, None, f"<= {limit:g}", ours <= limit, unit, note)


def render(rows: Iterable[Row]) -> str:
    """The table as text."""
    head = ("benchmark", "ours", "peer", "ratio", "target", "", "note")
    lines: list[Sequence[str]] = [head]
    for row in rows:
        peer = "-" if row.peer is None else f"{row.peer:.4g} {row.unit}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(
            (row.name, f"{row.ours:.4g} {row.unit}", peer, ratio, row.target, "ok" if row.ok else "MISSED", row.note)
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)


def write(path: Path, rows: Sequence[Row]) -> None:
    """The rows as JSON, with the machine and the time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
