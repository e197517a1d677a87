"""Names by sound: one form for Παπαδόπουλος, Папандопулос, Papadopoulos, and a shorter one of their consonants.

``fold`` makes equal what the usual transliterations of one sound differ in (щ as sht, shch or st; γκ as gk, nk or g; ю
as yu, iu or ju; ѓ as gj or dj; η as i or, in chat spelling, h). It is for finding and comparing at home: two persons
with one form are candidates, never one person.
"""

import re
from functools import lru_cache

from safeborders.models.domain.normalise.scripts import romanise

_WORDS = re.compile(r"[a-z0-9]+")
_HAS_LETTER = re.compile("[a-z]")
_V = "aeiou"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("8", "t"),  # Greek chat spelling of θ
        ("shch|sht|stsch|schtsch", "st"),
        ("tsch|tch|tz|ts|cz", "c"),
        ("sch|sh|sz", "s"),
        ("zh", "z"),
        ("ph", "f"),
        ("th", "t"),
        ("dzh|dz|dj|gj", "g"),
        ("kj", "k"),
        ("^mp", "b"),
        ("^nt", "d"),
        ("mp", "b"),
        ("ng|gk|nk|gg", "g"),
        ("^x(?=[aeiouyhrlmn])|ch|ck|ks|x|q|c", "k"),
        ("kh(?=[^aeiouy])", "k"),
        (f"(?<=[^{_V}yh])h(?=[^{_V}yh]|$)", "i"),  # η
        (f"^h(?=[^{_V}y])", "k"),  # Hristos
        ("kh|h", ""),
        ("ou|oy", "u"),
        ("ay|ai|ae", "e"),
        ("ei|ey|oi|eu(?=$)", "i"),
        ("[yj]", "i"),
        ("[wb]", "v"),
        ("ff", "f"),
        ("(?<=[oe])f$", "v"),  # Petroff
        (r"(.)\1+", r"\1"),
    )
)
_VOWELS = re.compile(f"[{_V}]")
_WEAK = str.maketrans({"g": "k", "d": "t", "z": "s"})
_REPEATED = re.compile(r"(.)\1+")


def words_of(name: str) -> list[str]:
    """Return the words of ``name`` in ASCII letters, in their order."""
    return _WORDS.findall(romanise(name).replace("'", ""))


def fold(name: str) -> list[str]:
    """Return the words of ``name`` by sound, in their order; words with digits stay as they are."""
    return [sound for word in words_of(name) if (sound := fold_word(word))]


@lru_cache(maxsize=200_000)
def fold_word(word: str) -> str:
    """Return one ASCII word by sound."""
    letters = word.replace("8", "") if word[:1] == "8" or word[-1:] == "8" else word
    if not _HAS_LETTER.search(word) or not letters.replace("8", "a").isalpha():
        return word
    sound = word
    for pattern, replacement in _RULES:
        sound = pattern.sub(replacement, sound)
    return sound or word


def name_key(name: str) -> str:
    """Return the words by sound, sorted: the same for given name and surname in any order."""
    return " ".join(sorted(fold(name)))


@lru_cache(maxsize=200_000)
def skeleton_word(folded: str) -> str:
    """Return the consonants of a folded word, hard and soft made equal; a word of vowels keeps its first."""
    if folded.isdigit():
        return folded
    bare = _VOWELS.sub("", folded[:1].replace("u", "v") + folded[1:]).translate(_WEAK)
    return _REPEATED.sub(r"\1", bare) or folded[:1]


def name_skeleton(name: str) -> str:
    """Return the sorted consonant skeletons of the words: the key for matching across scripts (crypto.md 1.4c, K2)."""
    return " ".join(sorted(skeleton_word(word) for word in fold(name)))
