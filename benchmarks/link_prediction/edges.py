"""A network from a file with columns src, dst and, where given, layer and time."""

import csv
from pathlib import Path

import numpy as np

from safeborders.node.graph.ties import Ties


def load_edges(path: Path) -> Ties:
    """Read an edge list; ties of an actor with itself are left out, times are numbers or dates."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["src"] != row["dst"]]
    names = sorted({row[side] for row in rows for side in ("src", "dst")})
    place = {name: number for number, name in enumerate(names)}
    kinds = sorted({row.get("layer") or "" for row in rows})
    pairs = [sorted((place[row["src"]], place[row["dst"]])) for row in rows]
    times = np.array([_time(row.get("time")) for row in rows], dtype=np.float64)
    return Ties(
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        layers=np.array([kinds.index(row.get("layer") or "") for row in rows], dtype=np.int64),
        times=times,
        count=len(names),
        kinds=max(len(kinds), 1),
        timed=bool(np.isfinite(times).any()),
    )


def _time(text: str | None) -> float:
    """Return a number in the file's unit, or days; NaN where nothing is known."""
    if not text:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return float(np.datetime64(text, "D").astype(np.int64))
