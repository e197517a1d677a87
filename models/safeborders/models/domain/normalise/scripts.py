"""From Greek and Cyrillic letters to Latin ones, by the tables that the countries' own papers follow.

Greek: ELOT 743 (ISO 843 type 2, Greek passports). Cyrillic: ICAO 9303 part 3 for Russian and, where a law says
otherwise, the country's own: Bulgarian Transliteration Act (2009), Ukrainian Cabinet resolution 55 (2010), Serbian
Latin (one letter to one), Macedonian passports (2012). Any other script: anyascii. Marks on Latin letters are dropped.
"""

import re
import unicodedata
from collections.abc import Mapping

from anyascii import anyascii


def _pair(letters: str, latin: str) -> dict[str, str]:
    return {letter: "" if one == "_" else one for letter, one in zip(letters, latin.split(), strict=True)}


_GREEK = _pair("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o")
_RUSSIAN = _pair(
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia",
) | {"ё": "e"}
_BULGARIAN = _RUSSIAN | _pair("йхщъюя", "y h sht a yu ya")
_UKRAINIAN = _RUSSIAN | _pair("гиіїєґюя", "h y i i ie g iu ia")
_SERBIAN = _RUSSIAN | _pair("хцђјљњћџ", "h c dj j lj nj c dz")
_MACEDONIAN = _SERBIAN | _pair("ѓќѕ", "gj kj dz")
_LATIN = {"ł": "l", "đ": "dj", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
_MARKED = {"й": "й", "ѓ": "ѓ", "ќ": "ќ", "ї": "ї"}  # letters of their own that NFKD would take apart
_LETTERS_OF: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("ѓќѕ", _MACEDONIAN),
    ("ђћљњџј", _SERBIAN),
    ("іїєґ", _UKRAINIAN),
    ("ыэё", _RUSSIAN),
)
# ELOT 743: αυ, ευ, ηυ are av, ev, iv before a vowel or a voiced sound and af, ef, if before a voiceless one.
_VOICELESS = "θκξπσςτφχψ"
_DIPHTHONG = re.compile(f"([αεη])υ(?=([{_VOICELESS}])?)")
_GREEK_LETTERS = re.compile("[α-ω]")
_CYRILLIC_LETTERS = re.compile("[\u0400-\u04ff]")


def romanise(text: str) -> str:
    """Return ``text`` in lower-case ASCII letters; which Cyrillic alphabet it is, its own letters tell.

    Text in letters that several countries share is read as Bulgarian, the only one of them among the nodes that has no
    letter of its own.
    """
    plain = text.casefold()
    if plain.isascii():
        return plain
    if _GREEK_LETTERS.search(unicodedata.normalize("NFD", plain)):
        plain = _greek(plain)
    if _CYRILLIC_LETTERS.search(plain):
        plain = _cyrillic(unicodedata.normalize("NFC", plain))
    letters = "".join(_LATIN.get(one, one) for one in plain)
    decomposed = unicodedata.normalize("NFKD", letters)
    plain = "".join(_LATIN.get(one, one) for one in decomposed if not unicodedata.combining(one))
    return plain if plain.isascii() else _other(plain)


def _other(text: str) -> str:
    """Scripts without a table here; what is no letter or digit parts words."""
    return "".join(one if one.isascii() else anyascii(one).lower() if one.isalnum() else " " for one in text)


def _greek(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    # A diaeresis keeps two vowels apart; all other marks go.
    kept = "".join(one for one in decomposed if one == "\u0308" or not unicodedata.combining(one))
    kept = _DIPHTHONG.sub(lambda found: _GREEK[found[1]] + ("f" if found[2] else "v"), kept.replace("ου", "ou"))
    return "".join(_GREEK.get(one, one) for one in kept)


def _cyrillic(text: str) -> str:
    table = next((table for letters, table in _LETTERS_OF if any(one in text for one in letters)), _BULGARIAN)
    return "".join(table.get(one, one) for one in text)
