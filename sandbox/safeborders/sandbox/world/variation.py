"""How one country, or one clerk, writes down what another wrote down differently (domain.md 6.4)."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from safeborders.sandbox.world.peoples import People
from safeborders.sandbox.world.spelling import in_latin, in_serbian_cyrillic, without_marks

_HOMOGLYPHS = {
    "cyrillic": str.maketrans("ABEHKMOPTX", "АВЕНКМОРТХ"),
    "greek": str.maketrans("ABEHKMOPTX", "ΑΒΕΗΚΜΟΡΤΧ"),
}
_VOWELS = dict(zip("aeiouαοιаои", "eieaoεαεеае", strict=True))  # what one hears instead
# How often a variation occurs; domain.md 6.4 names the variations, the shares are ours unless it gives them.
_MARKS_DROPPED = 0.25
_SERBIAN_IN_CYRILLIC = 0.5
_SURNAME_FIRST = 0.25
_PATRONYMIC = {"bulgarian": 0.6, "greek": 0.3, "macedonian": 0.1, "serbian": 0.1}
_PATRONYMIC_ABROAD = 0.4
_MAIDEN = 0.35
_BOTH_NAMES = 0.15
_DOCUMENT_MISREAD = 0.2


@dataclass(frozen=True, slots=True)
class NameParts:
    """A person's name in its own script: ``patronymic`` and ``maiden`` may be ""."""

    given: str
    patronymic: str
    surname: str
    maiden: str
    language: str


def home_name(chance: Random, parts: NameParts) -> str:
    """Return the name as a clerk at home writes it: own script, sometimes with the father's name or without marks."""
    words = [parts.given, parts.surname]
    if parts.patronymic and chance.random() < _PATRONYMIC.get(parts.language, 0.0):
        words.insert(1, parts.patronymic)
    name = " ".join(words)
    if parts.language == "serbian" and chance.random() < _SERBIAN_IN_CYRILLIC:
        return in_serbian_cyrillic(name)
    latin = parts.language not in {"greek", "bulgarian", "macedonian"}
    return without_marks(name) if latin and chance.random() < _MARKS_DROPPED else name


def foreign_name(chance: Random, parts: NameParts) -> str:
    """Return the name as elsewhere: Latin letters by one of several ways, other orders, a woman's other surname."""
    surname = _surname(chance, parts)
    words = [parts.given, surname]
    if parts.patronymic and chance.random() < _PATRONYMIC_ABROAD:
        words.insert(chance.choice((1, 2)), parts.patronymic)
    if chance.random() < _SURNAME_FIRST:
        words = [surname, *(word for word in words if word != surname)]
    return in_latin(chance, " ".join(words), language=parts.language)


def another_name(chance: Random, parts: NameParts, *, at_home: bool) -> str:
    """Return the name as it stands in a second record of one country: other spelling, and mostly a slip."""
    if at_home and chance.random() < 0.6:
        changed = NameParts(parts.given, parts.patronymic, _surname(chance, parts), "", parts.language)
        name = home_name(chance, changed)
    else:
        name = foreign_name(chance, parts)
    return misspelt(chance, name) if chance.random() < 0.7 else name


def misspelt(chance: Random, name: str) -> str:
    """Return ``name`` with one slip: two letters swapped, one left out, one doubled, or the next vowel."""
    place = 1 + int(chance.random() * max(1, len(name) - 3))
    before, letter, after = name[:place], name[place], name[place + 1 :]
    style = chance.random()
    if style < 0.4:
        return before + after[:1] + letter + after[1:]
    if style < 0.65:
        return before + after
    if style < 0.85:
        return before + letter + letter + after
    return before + _VOWELS.get(letter, "") + after


def written_phone(chance: Random, number: str, *, home: People) -> str:
    """Return an E.164 ``number`` as somebody would write it; a country's own numbers sometimes without the prefix."""
    style = chance.random()
    if number.startswith(f"+{home.dial}") and style < 0.25:
        national = home.mobile.trunk + number[1 + len(home.dial) :]
        return f"{national[:4]} {national[4:7]} {national[7:]}" if chance.random() < 0.6 else national
    if style < 0.5:
        return f"00{number[1:]}"
    if style < 0.7:
        return f"{number[:3]} {number[3:6]} {number[6:9]} {number[9:]}"
    return f"{number[:4]}-{number[4:7]}-{number[7:]}" if style < 0.75 else number


def written_plate(chance: Random, plate: str, *, script: str) -> str:
    """Return ``plate`` with other spaces, and with letters of ``script`` that look the same."""
    spaced = chance.choice((plate, f"{plate[:2]} {plate[2:6]} {plate[6:]}", f"{plate[:2]}-{plate[2:6]}-{plate[6:]}"))
    table = _HOMOGLYPHS.get(script)
    return spaced.translate(table) if table and chance.random() < 0.7 else spaced


def written_document(chance: Random, number: str) -> str:
    """Return ``number``, sometimes with O for 0 or I for 1."""
    if chance.random() >= _DOCUMENT_MISREAD:
        return number
    zero_first = chance.random() < 0.5 if "0" in number and "1" in number else "0" in number
    return number.replace("0", "O", 1) if zero_first else number.replace("1", "I", 1)


def recorded_birth(chance: Random, born: date) -> tuple[date, str]:
    """Return a birth date as another country has it, and its precision.

    70 % exact, 8 % day and month swapped, 15 % the year only, 7 % a year off (domain.md 6.4); a date that cannot be
    swapped stays exact.
    """
    style = chance.random()
    if style < 0.70:
        return born, "day"
    if style < 0.78:
        return (born.replace(month=born.day, day=born.month) if born.day <= 12 else born), "day"
    if style < 0.93:
        return born.replace(month=1, day=1), "year"
    return born + timedelta(days=365 if chance.random() < 0.5 else -365), "day"


def _surname(chance: Random, parts: NameParts) -> str:
    if not parts.maiden or chance.random() >= _MAIDEN:
        return parts.surname
    return f"{parts.maiden}-{parts.surname}" if chance.random() < _BOTH_NAMES else parts.maiden
