"""The curated graph for private training: typed links in compressed rows, in memory or mapped from files.

A relation promises what the accountant relies on: every person has at most ``limit`` links of it, and every link is
there in both directions. The promise is checked whenever a relation is made, also when it is opened from files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.errors import SafeBordersError

_FORMAT = 1
_ARRAYS = ("starts", "targets", "attributes")


class UnsoundGraph(SafeBordersError):
    """A curated graph does not keep the bounds that the privacy accountant relies on."""

    code: ClassVar[str] = "graph.unsound"


@dataclass(frozen=True, eq=False)
class CuratedRelation:
    """Links of one type. Person i is linked to ``targets[starts[i]:starts[i + 1]]``, in increasing order.

    Args:
        starts: Shape (N + 1,), int64, from 0.
        targets: Shape (E,), int32, persons.
        attributes: Intrinsic properties of each directed link. Shape (E, A), float32; A may be 0.
        limit: K_r, most links of a person, at least 1.

    Raises:
        UnsoundGraph: If an array has another form, a person has more links, a link is there twice, leads to its own
            start, or lacks its reverse.
    """

    starts: NDArray[np.int64]
    targets: NDArray[np.int32]
    attributes: NDArray[np.float32]
    limit: int

    def __post_init__(self) -> None:
        """Check what the accountant relies on."""
        starts, targets = self.starts, self.targets
        is_formed = starts.ndim == 1 and starts.dtype == np.int64 and targets.ndim == 1 and targets.dtype == np.int32
        if not is_formed or len(starts) < 1 or starts[0] != 0 or starts[-1] != len(targets):
            raise UnsoundGraph("A relation's rows do not fit its links: curate the graph again.")
        if self.attributes.dtype != np.float32 or self.attributes.shape[:1] != targets.shape:
            raise UnsoundGraph("A relation's attributes must be one float32 row for each link: curate the graph again.")
        degrees = np.diff(starts)
        if (degrees < 0).any() or int(degrees.max(initial=0)) > self.limit:
            raise UnsoundGraph("A person has more links of a relation than promised: curate the graph again.")
        if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < self.count:
            raise UnsoundGraph("A link leads to nobody: curate the graph again.")
        sources = np.repeat(np.arange(self.count, dtype=np.int64), degrees)
        there = sources * self.count + targets
        if (np.diff(there) <= 0).any() or (sources == targets).any():
            raise UnsoundGraph("A link is there twice, or leads to its own start: curate the graph again.")
        back = targets.astype(np.int64) * self.count + sources
        back.sort()
        if not np.array_equal(there, back):
            raise UnsoundGraph("A link is there in one direction only: curate the graph again.")

    @property
    def count(self) -> int:
        """Number of persons."""
        return len(self.starts) - 1

    def __repr__(self) -> str:
        """Name the class alone; sizes are secrets."""
        return "<CuratedRelation>"


@dataclass(frozen=True, eq=False)
class CuratedGraph:
    """All relations over the same persons, by name.

    Raises:
        UnsoundGraph: If relations are about different numbers of persons, or there is none.
    """

    relations: Mapping[str, CuratedRelation]

    def __post_init__(self) -> None:
        """Check that the relations fit together."""
        if len({relation.count for relation in self.relations.values()}) != 1:
            raise UnsoundGraph("All relations of a graph must be about the same persons: curate the graph again.")

    @property
    def count(self) -> int:
        """Number of persons."""
        return next(iter(self.relations.values())).count

    def __repr__(self) -> str:
        """Name the class alone; sizes are secrets."""
        return "<CuratedGraph>"


def build_relation(
    pairs: NDArray[np.int64], attributes: NDArray[np.float32], *, count: int, limit: int, ranks: NDArray[np.uint64]
) -> CuratedRelation:
    """Return the pairs that stand among the ``limit`` lowest ranks at both of their ends (mutual top-K).

    Args:
        pairs: Undirected links, each once, in either order. Shape (P, 2); a pair of equals is left out.
        attributes: Properties of each pair. Shape (P, A), float32.
        count: Number of persons.
        limit: K_r.
        ranks: A public keyed hash of each pair; never anything derived from the records' contents.

    Raises:
        UnsoundGraph: If a pair is there twice.
    """
    apart = pairs[:, 0] != pairs[:, 1]
    pairs, attributes, ranks = pairs[apart], attributes[apart], ranks[apart]
    first, second = pairs[:, 0], pairs[:, 1]
    kept = _among_lowest(first, second, ranks=ranks, limit=limit)
    first, second, attributes = first[kept], second[kept], attributes[kept]
    sources, targets = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.argsort(sources * count + targets)
    degrees = np.bincount(sources, minlength=count)
    return CuratedRelation(
        starts=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(degrees, dtype=np.int64)]),
        targets=targets[order].astype(np.int32),
        attributes=np.ascontiguousarray(attributes[order % max(len(first), 1)]),
        limit=limit,
    )


def save_graph(folder: Path, graph: CuratedGraph) -> None:
    """Write ``graph`` into ``folder``, which must not exist, as arrays that can be mapped into memory."""
    folder.mkdir(parents=True)
    for number, relation in enumerate(graph.relations.values()):
        for name in _ARRAYS:
            np.save(folder / f"{number}.{name}.npy", getattr(relation, name), allow_pickle=False)
    manifest = {
        "format": _FORMAT,
        "relations": [{"name": name, "limit": part.limit} for name, part in graph.relations.items()],
    }
    (folder / "graph.json").write_text(json.dumps(manifest), encoding="utf-8")


def load_graph(folder: Path) -> CuratedGraph:
    """Map the graph in ``folder`` into memory, read-only, and check its promises.

    Raises:
        UnsoundGraph: If it is of another format, or does not keep them.
    """
    manifest = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    if manifest.get("format") != _FORMAT:
        raise UnsoundGraph("The graph was written by another version: curate the graph again.")
    return CuratedGraph(
        {
            str(row["name"]): CuratedRelation(
                **{
                    name: np.load(folder / f"{number}.{name}.npy", mmap_mode="r", allow_pickle=False)
                    for name in _ARRAYS
                },
                limit=int(row["limit"]),
            )
            for number, row in enumerate(manifest["relations"])
        }
    )


def _among_lowest(
    first: NDArray[np.int64], second: NDArray[np.int64], *, ranks: NDArray[np.uint64], limit: int
) -> NDArray[np.bool_]:
    kept = np.ones(len(first), dtype=np.bool_)
    by_rank = np.argsort(ranks, kind="stable")
    places = np.empty(2 * len(first), dtype=np.int64)
    ends = np.concatenate([first[by_rank], second[by_rank]])
    # Both ends of one pair have its rank: interleave them, so that a stable sort by person keeps the ranks' order.
    interleaved = np.arange(2 * len(first)).reshape(2, -1).T.ravel()
    order = interleaved[np.argsort(ends[interleaved], kind="stable")]
    sorted_ends = ends[order]
    new = np.concatenate([np.ones(min(1, len(order)), dtype=np.bool_), sorted_ends[1:] != sorted_ends[:-1]])
    begins = np.flatnonzero(new)
    places[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    kept[by_rank] = places.reshape(2, -1).max(axis=0, initial=0) < limit
    return kept
