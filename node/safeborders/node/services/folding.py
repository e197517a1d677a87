"""Names without script and accents, so that Παπαδόπουλος, Папандопулос and Papadopoulos can meet in a search.

A simple letter-by-letter Latin form after ISO 843 (Greek) and ISO 9 (Cyrillic) without diacritics, with the commonest
spellings of one sound made equal. It is for finding, never for deciding that two persons are one.
"""

import re
import unicodedata


def _pair(letters: str, latin: str) -> dict[str, str]:
    return {letter: "" if one == "_" else one for letter, one in zip(letters, latin.split(), strict=True)}


_GREEK = _pair("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o")
_CYRILLIC = _pair(
    "абвгдежзийклмнопрстуфхцчшщъыьэюяђјљњћџѓќѕіїєґ",
    "a b v g d e zh z i i k l m n o p r s t u f ch ts ch sh sht a y _ e yu ya dj j lj nj c dz gj kj dz i i e g",
)
_LATIN = {"ł": "l", "đ": "dj", "ø": "o", "ß": "ss", "æ": "ae", "ı": "i", "þ": "th"}
_LETTERS = str.maketrans({**_GREEK, **_CYRILLIC, **_LATIN})
_SPELLINGS = (
    ("oy", "u"), ("ou", "u"), ("mp", "b"), ("nt", "d"), ("gk", "g"), ("kh", "ch"), ("ph", "f"), ("ck", "k"),
    ("w", "v"), ("y", "i"), ("j", "i"), ("x", "ks"), ("ch", "h"),
)  # fmt: skip
_WORDS = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return ``text`` in lower-case Latin letters and digits, words apart by one space."""
    plain = "".join(part for part in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(part))
    latin = " ".join(_WORDS.findall(plain.translate(_LETTERS)))
    for spelling, one in _SPELLINGS:
        latin = latin.replace(spelling, one)
    return latin


def matches(folded_query: str, folded_text: str) -> bool:
    """Tell whether every word of a folded query occurs in a folded text, or the query without spaces does (numbers)."""
    if not folded_query:
        return False
    together = folded_query.replace(" ", "")
    if together.isdigit() and together in folded_text.replace(" ", ""):
        return True
    return all(word in folded_text for word in folded_query.split())
