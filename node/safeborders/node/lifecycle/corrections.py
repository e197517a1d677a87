"""From what the rights desk types (``name=...``, ``ctl.threats=unknown``) to a correction of records."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import DatePrecision, EntityKind, Sex
from safeborders.models.domain.selectors import match_key
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.lifecycle.errors import BadCorrection
from safeborders.node.storage.subject_actions import Correction

_FACTS = {"yes": True, "no": False, "unknown": None}


def build_correction(assignments: Sequence[str], *, dropped: Sequence[str], country: Country) -> Correction:
    """Return the correction that ``assignments`` state.

    Args:
        assignments: ``field=value``; an empty value deletes an attribute. Facts take yes, no or unknown.
        dropped: Identifiers of links, statuses and labels that are wrong as a whole.
        country: Whose spelling rules make the search key of a new name.

    Raises:
        BadCorrection: If there is nothing to correct, a field is unknown, or a value has another form.
    """
    values: dict[str, object] = {}
    indicators: dict[str, bool | None] = {}
    codes = {indicator.code for indicator in load_indicators()}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator or (name not in _READERS and name not in codes):
            known = ", ".join(_READERS)
            raise BadCorrection(f"A correction has the form field=value, with one of {known}, or an indicator's code.")
        if name in codes:
            if value not in _FACTS:
                raise BadCorrection("A fact is corrected to yes, no or unknown.")
            indicators[name] = _FACTS[value]
        else:
            values[name] = _READERS[name](value) if value else None
    if not (values or indicators or dropped):
        raise BadCorrection("Nothing is corrected: say what with --set field=value or --drop identifier.")
    key = match_key(EntityKind.PERSON, str(values["name"] or ""), country=country) if "name" in values else None
    return Correction(values=values, match_key=key, indicators=indicators, dropped=tuple(dropped))


def _text(most: int) -> Callable[[str], str]:
    def read(value: str) -> str:
        if len(value) > most or not value.isprintable():
            raise BadCorrection(f"A name has at most {most} printable characters.")
        return value

    return read


def _word(vocabulary: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read(value: str) -> StrEnum:
        if value not in set(vocabulary):
            raise BadCorrection(f"The value must be one of {', '.join(vocabulary)}.")
        return vocabulary(value)

    return read


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise BadCorrection("A date has the form 2009-01-31.") from error


def _countries(value: str) -> str:
    codes = value.split()
    if len(codes) > 8 or not all(len(code) == 2 and code.isascii() and code.isupper() for code in codes):
        raise BadCorrection("Citizenships are at most eight codes of two capital letters, apart by spaces.")
    return " ".join(codes)


_READERS: Mapping[str, Callable[[str], object]] = {
    "name": _text(200),
    "other_names": _text(400),
    "sex": _word(Sex),
    "birth_date": _day,
    "birth_precision": _word(DatePrecision),
    "citizenships": _countries,
}
