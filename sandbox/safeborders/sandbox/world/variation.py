"""How one country writes down what another country wrote down differently (domain.md 6.4)."""

import unicodedata
from datetime import date, timedelta
from random import Random

_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        ("a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r", "s", "t", "y", "f",
         "ch", "ps", "o"),
        strict=True,
    )
)  # fmt: skip
_GREEK["ς"] = "s"
_GREEK_BY_SOUND = {**_GREEK, "β": "b", "η": "h", "χ": "x", "θ": "8"}
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъьюя",
        ("a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
         "h", "ts", "ch", "sh", "sht", "a", "y", "yu", "ya"),
        strict=True,
    )
)  # fmt: skip
_CYRILLIC_ISO = {**_CYRILLIC, "ж": "z", "й": "j", "ц": "c", "ч": "c", "ш": "s", "щ": "st", "ю": "ju", "я": "ja"}
_HOMOGLYPHS = {
    "cyrillic": str.maketrans("ABEHKMOPTX", "АВЕНКМОРТХ"),
    "greek": str.maketrans("ABEHKMOPTX", "ΑΒΕΗΚΜΟΡΤΧ"),
}
# ł, đ and ø do not decompose.
_SINGLE = str.maketrans("łŁđĐ", "lLdD")


def without_marks(text: str) -> str:
    """Return ``text`` without diacritics."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SINGLE))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def foreign_name(chance: Random, name: str) -> str:
    """Return ``name`` as another country spells it: Latin letters by one of two schemes, sometimes surname first."""
    table = {**_CYRILLIC, **_GREEK} if chance.random() < 0.5 else {**_CYRILLIC_ISO, **_GREEK_BY_SOUND}
    letters = []
    for letter in without_marks(name):
        latin = table.get(letter.lower(), letter)
        letters.append(latin.capitalize() if letter.isupper() else latin)
    words = "".join(letters).split()
    return " ".join([*words[1:], words[0]]) if chance.random() < 0.25 else " ".join(words)


def misspelt(chance: Random, name: str) -> str:
    """Return ``name`` with two neighbouring letters swapped."""
    place = 1 + int(chance.random() * max(1, len(name) - 3))
    return name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]


def written_phone(chance: Random, number: str, *, home_dial: str) -> str:
    """Return an E.164 ``number`` as somebody would write it; a country's own numbers sometimes without the prefix."""
    style = chance.random()
    if number.startswith(f"+{home_dial}") and style < 0.25:
        national = number[1 + len(home_dial) :]
        return f"0{national[:3]} {national[3:6]} {national[6:]}"
    if style < 0.5:
        return f"00{number[1:]}"
    if style < 0.7:
        return f"{number[:3]} {number[3:6]} {number[6:9]} {number[9:]}"
    return number


def written_plate(chance: Random, plate: str, *, script: str) -> str:
    """Return ``plate`` with other spaces, and with letters of ``script`` that look the same."""
    spaced = chance.choice((plate, f"{plate[:2]} {plate[2:6]} {plate[6:]}", f"{plate[:2]}-{plate[2:6]}-{plate[6:]}"))
    table = _HOMOGLYPHS.get(script)
    return spaced.translate(table) if table and chance.random() < 0.7 else spaced


def written_document(chance: Random, number: str) -> str:
    """Return ``number``, sometimes with O for 0 or I for 1."""
    style = chance.random()
    if style < 0.1:
        return number.replace("0", "O", 1)
    return number.replace("1", "I", 1) if style < 0.2 else number


def recorded_birth(chance: Random, born: date) -> tuple[date, str]:
    """Return a birth date as another country has it, and its precision: 70 % exact."""
    style = chance.random()
    if style < 0.70:
        return born, "day"
    if style < 0.78 and born.day <= 12:
        return born.replace(month=born.day, day=born.month), "day"
    if style < 0.93:
        return born.replace(month=1, day=1), "year"
    return born + timedelta(days=365 if chance.random() < 0.5 else -365), "day"
