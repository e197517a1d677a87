"""Which pairs of records are worth comparing: those that meet under one of several keys, in blocks of bounded size.

Each key survives some mistakes: letters swapped (the letters in alphabetical order), vowels and scripts (the
consonants), any mistake in one word (the other word), any in the name (the birth date), any in both (a number in use).
A block that would be too large is left out; a narrower key of the same family covers it. So the work grows with the
number of records, not with its square.
"""

from array import array
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from safeborders.models.domain.normalise.names import skeleton_word
from safeborders.node.resolution.profiles import Profile, Register

MOST_IN_BLOCK = 60
"""Records that meet under one key; more, and the key says too little."""

MOST_USERS = 16
"""A number or address that more records use is a hub and brings nobody together."""

_MOST_WORDS = 5

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""First and second records of pairs, by position; the first is the smaller."""


def candidate_pairs(register: Register) -> Pairs:
    """Return the pairs that share a key, each once, in order; records in a professional role are in none."""
    owners, keys = array("q"), array("q")
    for place, one in enumerate(register.profiles):
        if not one.professional:
            for key in _keys(one, register):
                owners.append(place)
                keys.append(hash(key))
    return _pairs_of_blocks(
        np.frombuffer(owners, dtype=np.int64), np.frombuffer(keys, dtype=np.int64), len(register.profiles)
    )


def _keys(one: Profile, register: Register) -> Iterator[Hashable]:
    for name in one.names:
        yield "letters", "".join(sorted("".join(name.letters)))
        yield from _name_keys(name.words[:_MOST_WORDS], one)
    for held in one.holdings:
        if register.users[held.token] <= MOST_USERS:
            yield "held", held.token


def _name_keys(words: Sequence[str], one: Profile) -> Iterator[Hashable]:
    sounds = "".join(sorted("".join(words)))
    bones = sorted(skeleton_word(word) for word in words)
    initials = "".join(sorted(bone[:1] for bone in bones))
    yield "sounds", sounds
    yield "bones", *bones
    born = one.born
    if born is None:
        return
    yield "sounds", sounds, born.year
    yield "bones", *bones, born.year
    for bone in bones:
        yield "word", bone, born.year
        yield "word", bone, born.year, initials
    if one.has_day:
        low, high = sorted((born.month, born.day))  # the same for 3 August and 8 March
        yield "sounds on", sounds, low, high
        for bone in bones:
            yield "born", born.year, low, high, bone[:1]
            yield "word on", bone, low, high


def _pairs_of_blocks(owners: NDArray[np.int64], keys: NDArray[np.int64], count: int) -> Pairs:
    order = np.lexsort((owners, keys))
    owners, keys = owners[order], keys[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, dtype=np.int64)
    sizes = np.diff(np.r_[starts, len(keys)])
    found = [np.zeros(0, dtype=np.int64)]
    for size in range(2, MOST_IN_BLOCK + 1):
        blocks = starts[sizes == size]
        if len(blocks):
            members = owners[blocks[:, None] + np.arange(size)]
            first, second = np.triu_indices(size, k=1)
            found.append(np.unique((members[:, first] * count + members[:, second]).ravel()))
    codes = np.unique(np.concatenate(found))
    first_of, second_of = codes // max(count, 1), codes % max(count, 1)
    apart = first_of != second_of
    return first_of[apart], second_of[apart]
