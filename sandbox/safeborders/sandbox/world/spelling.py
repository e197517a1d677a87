"""How names travel between scripts: every language has three ways into Latin letters, as passports and clerks use them.

Sources of the tables: Greek ELOT 743 (= ISO 843), usage by sound, and the classical tables of ALA-LC without marks;
Bulgarian law on transliteration of 2009, scientific transliteration (ISO 9:1968) without marks, and the French spelling
of passports before 1999; Macedonian passports since 2008, scientific without marks, and English usage; Serbian Latin
without marks, English usage, and with "dj" as in ICAO Doc 9303.
"""

import re
import unicodedata
from collections.abc import Mapping
from random import Random

Scheme = Mapping[str, str]

_BULGARIAN = "абвгдежзийклмнопрстуфхцчшщъьюя"
_MACEDONIAN = "абвгдѓежзѕијклљмнњопрстќуфхцчџш"
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω"


def _scheme(letters: str, latin: str, **groups: str) -> Scheme:
    return {**groups, **dict(zip(letters, latin.split(), strict=True))}


SCHEMES: Mapping[str, tuple[Scheme, ...]] = {
    "greek": (
        _scheme(
            _GREEK, "a v g d e z i th i k l m n x o p r s s t y f ch ps o",
            ου="ou", αυ="af", ευ="ef", γγ="ng", γκ="gk", μπ="b", ντ="nt",
        ),
        _scheme(
            _GREEK, "a v g d e z i th i k l m n ks o p r s s t i f h ps o",
            ου="u", αυ="av", ευ="ev", γγ="g", γκ="g", μπ="b", ντ="d", αι="e", ει="i", οι="i",
        ),
        _scheme(_GREEK, "a v g d e z e th i k l m n x o p r s s t y ph ch ps o", ου="ou", ευ="eu", αυ="au", γγ="ng"),
    ),
    "bulgarian": (
        _scheme(_BULGARIAN, "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya"),
        _scheme(_BULGARIAN, "a b v g d e z z i j k l m n o p r s t u f ch c c s st a j ju ja"),
        _scheme(_BULGARIAN, "a b v g d e j z i i k l m n o p r s t ou f kh tz tch ch cht a i iou ia"),
    ),
    "macedonian": (
        _scheme(_MACEDONIAN, "a b v g d gj e zh z dz i j k l lj m n nj o p r s t kj u f h c ch dj sh"),
        _scheme(_MACEDONIAN, "a b v g d g e z z dz i j k l lj m n nj o p r s t k u f h c c dz s"),
        _scheme(_MACEDONIAN, "a b v g d g e zh z dz i y k l ly m n ny o p r s t k u f h ts ch j sh"),
    ),
    "serbian": (
        {"ć": "c", "č": "c", "š": "s", "ž": "z", "đ": "d"},
        {"ć": "ch", "č": "ch", "š": "sh", "ž": "zh", "đ": "dj"},
        {"ć": "c", "č": "c", "š": "s", "ž": "z", "đ": "dj"},
    ),
}  # fmt: skip
"""Ways into Latin letters by language; where a language has none, its marks are dropped."""

_SERBIAN_CYRILLIC = {
    "lj": "љ", "nj": "њ", "dž": "џ",
    **dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True)),
}  # fmt: skip
# ł, đ and ø do not decompose.
_SINGLE = str.maketrans("łŁđĐ", "lLdD")


def without_marks(text: str) -> str:
    """Return ``text`` without diacritics."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SINGLE))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def in_latin(chance: Random, name: str, *, language: str) -> str:
    """Return ``name`` in Latin letters without marks, by one of the ways of ``language``."""
    schemes = SCHEMES.get(language)
    if not schemes:
        return without_marks(name)
    scheme = chance.choice(schemes)
    source = name if language == "serbian" else without_marks_but_letters(name)
    return without_marks(_spelt(source, scheme))


def in_serbian_cyrillic(name: str) -> str:
    """Return a Serbian ``name`` in Cyrillic letters."""
    return _spelt(name, _SERBIAN_CYRILLIC)


def without_marks_but_letters(name: str) -> str:
    """Return ``name`` without accents, keeping those Cyrillic letters that only look like a letter with a mark."""
    kept = {"й", "ѓ", "ќ"}
    return "".join(one if one.lower() in kept else without_marks(one) for one in unicodedata.normalize("NFC", name))


def _spelt(name: str, scheme: Scheme) -> str:
    pattern = re.compile("|".join(map(re.escape, sorted(scheme, key=len, reverse=True))))
    return " ".join(_word(word, pattern, scheme) for word in name.split())


def _word(word: str, pattern: re.Pattern[str], scheme: Scheme) -> str:
    spelt = pattern.sub(lambda found: scheme[found.group()], word.lower())
    parts = [part[:1].upper() + part[1:] for part in spelt.split("-")]
    return "-".join(parts) if word[:1].isupper() else spelt
