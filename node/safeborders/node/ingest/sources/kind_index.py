"""Which kind each entity of a file is, in eight bytes an entity."""

from array import array
from bisect import bisect_left

from safeborders.models.domain.entities import EntityKind

_KINDS = tuple(EntityKind)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_BITS = 4
_MASK = (1 << _BITS) - 1


class KindIndex:
    """A sorted array of 60 bits of each key's hash with four bits for the kind.

    Two of ten million keys are mistaken for each other with a probability below one in ten thousand; a link then seems
    to join the wrong kinds, and the importer refuses the file.
    """

    def __init__(self) -> None:
        self._entries = array("Q")
        self._sorted = True

    def add(self, key: str, kind: EntityKind) -> None:
        """Remember that ``key`` is of ``kind``."""
        self._entries.append(_hash(key) | _NUMBERS[kind])
        self._sorted = False

    def find(self, key: str) -> EntityKind | None:
        """Return the kind of ``key``; None when the file has no such entity."""
        if not self._sorted:
            self._entries = array("Q", sorted(self._entries))
            self._sorted = True
        wanted = _hash(key)
        place = bisect_left(self._entries, wanted)
        if place < len(self._entries) and self._entries[place] & ~_MASK == wanted:
            return _KINDS[self._entries[place] & _MASK]
        return None


def _hash(key: str) -> int:
    return hash(key) & (1 << 64) - 1 & ~_MASK
