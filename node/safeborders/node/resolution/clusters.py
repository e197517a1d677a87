"""Which records belong together after all decisions, and where decisions contradict each other."""

from collections.abc import Iterable, Mapping, Sequence

Pair = tuple[str, str]


class Clusters:
    """Records that decisions put together; the name of a cluster is its smallest identifier."""

    def __init__(self, same: Iterable[Pair]) -> None:
        self._parent: dict[str, str] = {}
        for first, second in same:
            self.join(first, second)

    def join(self, first: str, second: str) -> None:
        """Put the clusters of both together."""
        one, other = sorted((self.find(first), self.find(second)))
        self._parent[one] = one
        self._parent[other] = one

    def find(self, record: str) -> str:
        """Return the name of a record's cluster; a record that nobody joined is its own."""
        root = record
        while self._parent.get(root, root) != root:
            root = self._parent[root]
        while self._parent.get(record, record) != root:
            self._parent[record], record = root, self._parent[record]
        return root

    def members(self) -> dict[str, list[str]]:
        """Return the clusters of at least two records, by name, all sorted."""
        found: dict[str, list[str]] = {}
        for record in sorted(self._parent):
            found.setdefault(self.find(record), []).append(record)
        return {name: [*records] for name, records in sorted(found.items()) if len(records) > 1}


def canonical_of(same: Iterable[Pair]) -> Mapping[str, str]:
    """Return for every merged record the record that stands for all of its person; others are not in it."""
    return {record: name for name, records in Clusters(same).members().items() for record in records}


def contradictions(same: Iterable[Pair], different: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that a human told apart and other decisions put together (A = B, B = C, A is not C)."""
    clusters = Clusters(same)
    return sorted(pair for pair in different if clusters.find(pair[0]) == clusters.find(pair[1]))
