"""Which of many words are in megabytes that were captured, in one pass: a search for each word takes minutes."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_PREFIX = 3
_CHUNK_BYTES = 2**22


def find_words(words: Iterable[str], text: bytes) -> set[str]:
    """Return those of ``words``, at least three bytes long in UTF-8, that are somewhere in ``text``."""
    by_prefix: dict[bytes, list[tuple[bytes, str]]] = defaultdict(list)
    for word in words:
        by_prefix[word.encode()[:_PREFIX]].append((word.encode(), word))
    begins = np.zeros(256**_PREFIX, dtype=np.bool_)
    begins[_keys(np.frombuffer(b"".join(by_prefix), dtype=np.uint8))[::_PREFIX]] = True
    found: set[str] = set()
    for start in range(0, len(text), _CHUNK_BYTES):
        chunk = np.frombuffer(text[start : start + _CHUNK_BYTES + _PREFIX - 1], dtype=np.uint8)
        for place in start + np.flatnonzero(begins[_keys(chunk)]):
            candidates = by_prefix[text[place : place + _PREFIX]]
            found.update(word for encoded, word in candidates if text.startswith(encoded, int(place)))
    return found


def _keys(text: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the three bytes from each place on as one number."""
    wide = text.astype(np.uint32)
    return wide[:-2] * 65536 + wide[1:-1] * 256 + wide[2:]
