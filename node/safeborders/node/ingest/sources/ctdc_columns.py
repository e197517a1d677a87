"""Columns of the files of the Counter-Trafficking Data Collaborative, by family, as our indicators (domain.md 1.1).

Sources: codebook of the global synthetic dataset, version 2 of February 2024, and the data dictionary of the
k-anonymised dataset of 2017. Names are compared in lower case without separators.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

_ALIASES = {
    "meanswithholddocuments": "meanswithholddocs",  # the codebook's own detail page spells it so
    "meansabuse": "meansabusepsyphysex",
    **{f"sectoroflabour{word}": f"typeoflabour{word}" for word in ("agriculture", "construction", "domesticwork",
                                                                   "hospitality")},
}  # fmt: skip


@dataclass(frozen=True)
class Family:
    """How one family of files writes things.

    Attributes:
        marks: Columns that only this family has.
        indicators: Columns of which any one means the indicator.
        groups: Columns that were asked together, for the denominator rule; empty where 0 says no by itself.
        yes: Cells that mean yes.
        no: Cells that mean no.
        genders: What the gender column's cells mean.
        flags: Columns that state a sex by a 1.
    """

    marks: frozenset[str]
    indicators: Mapping[str, tuple[str, ...]]
    groups: Sequence[tuple[str, ...]] = ()
    yes: frozenset[str] = frozenset({"1", "1.0"})
    no: frozenset[str] = frozenset()
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> frozenset[str]:
        """Columns that say yes, no or nothing."""
        groups = {name for group in self.groups for name in group}
        return frozenset({name for names in self.indicators.values() for name in names} | groups)

    @property
    def used(self) -> frozenset[str]:
        """All columns that indicators and sexes are read from."""
        return self.asked | {*self.flags}


_MEANS = {
    "ctl.debt_earnings": ("meansdebtbondageearnings",),
    "ctl.threats": ("meansthreats",),
    "ctl.abuse": ("meansabusepsyphysex",),
    "ctl.false_promises": ("meansfalsepromises",),
    "ctl.substances": ("meansdrugsalcohol",),
    "ctl.deny_needs": ("meansdenybasicneeds",),
    "ctl.work_hours": ("meansexcessiveworkhours",),
    "ctl.withhold_docs": ("meanswithholddocs",),
}
_TYPES = {
    "frm.labour": ("isforcedlabour",),
    "frm.sexual": ("issexualexploit",),
    "frm.other": ("isotherexploit",),
}
_RECRUITERS = {
    "rec.partner": ("recruiterrelationintimatepartner",),
    "rec.friend": ("recruiterrelationfriend",),
    "rec.family": ("recruiterrelationfamily",),
    "rec.other": ("recruiterrelationother",),
}
_LABOUR = ("typeoflabouragriculture", "typeoflabourconstruction", "typeoflabourdomesticwork", "typeoflabourhospitality")
_SEX = ("typeofsexprostitution", "typeofsexpornography")
_SYNTHETIC = {**_MEANS, **_TYPES, "frm.domestic": ("typeoflabourdomesticwork",), **_RECRUITERS}


def _columns(indicators: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for names in indicators.values() for name in names)


GROUPS: tuple[tuple[str, ...], ...] = (_columns(_MEANS), _columns(_TYPES), _LABOUR, _SEX, _columns(_RECRUITERS))
"""The five groups of the codebook's section 6."""

_CONTROL = "meansofcontrol"
FAMILIES: tuple[Family, ...] = (
    Family(  # 27 columns, a missing value is empty or NULL
        marks=frozenset({"agebroad", "meansdebtbondageearnings"}),
        indicators=_SYNTHETIC,
        groups=GROUPS,
        no=frozenset({"0", "0.0"}),
    ),
    Family(  # 19 columns, a missing value is written as 0
        marks=frozenset({"ageband", "meansdebtbondageearnings"}),
        indicators={code: names for code, names in _SYNTHETIC.items() if code not in {"frm.other", "frm.domestic"}},
        groups=tuple(tuple(name for name in group if name != "isotherexploit") for group in
                     (GROUPS[0], GROUPS[1], GROUPS[4])),
        flags={"woman": "female", "transnonconforming": "other"},
    ),
    Family(  # 63 columns, 0 is no and -99 is missing
        marks=frozenset({"agebroad", f"{_CONTROL}debtbondage"}),
        indicators={
            "ctl.debt_earnings": (f"{_CONTROL}debtbondage", f"{_CONTROL}takesearnings"),
            "ctl.threats": (f"{_CONTROL}threats", f"{_CONTROL}useschildren", f"{_CONTROL}threatoflawenforcement"),
            "ctl.abuse": (f"{_CONTROL}psychologicalabuse", f"{_CONTROL}physicalabuse", f"{_CONTROL}sexualabuse"),
            "ctl.false_promises": (f"{_CONTROL}falsepromises",),
            "ctl.substances": (f"{_CONTROL}psychoactivesubstances",),
            "ctl.deny_needs": (
                f"{_CONTROL}restrictsfinancialaccess", f"{_CONTROL}restrictsmovement",
                f"{_CONTROL}restrictsmedicalcare", f"{_CONTROL}withholdsnecessities",
            ),
            "ctl.work_hours": (f"{_CONTROL}excessiveworkinghours",),
            "ctl.withhold_docs": (f"{_CONTROL}withholdsdocuments",),
            "frm.labour": ("isforcedlabour",),
            "frm.sexual": ("issexualexploit",),
            "frm.begging": ("typeoflabourbegging",),
            "frm.criminality": ("typeoflabourillicitactivities",),
            "frm.domestic": ("typeoflabourdomesticwork",),
            "frm.marriage": ("isforcedmarriage",),
            "frm.other": ("isotherexploit", "isforcedmilitary", "isorganremoval", "isslaveryandpractices"),
            **_RECRUITERS,
        },
        no=frozenset({"0", "0.0"}),
    ),
    Family(  # 17 columns of a sample; its coded columns have no codebook and are not read
        marks=frozenset({"agerange", "controlfinancial"}),
        indicators={
            "ctl.debt_earnings": ("controlfinancial",),
            "ctl.threats": ("controlthreats",),
            "ctl.abuse": ("controlphysical",),
            "ctl.deny_needs": ("controllimitnecessities",),
        },
        no=frozenset({"0", "0.0"}),
    ),
)  # fmt: skip

MISSING: frozenset[str] = frozenset({"", "NULL", "-99", "-99.0", "NA"})
CHILD_BANDS: frozenset[str] = frozenset({"0--8", "09--17", "9--17", "9-17", "0-8"})
CHILD_BAND_NUMBERS: frozenset[str] = frozenset({"1", "2"})
GENDERS: Mapping[str, str] = {
    "man": "male", "male": "male", "woman": "female", "female": "female",
    "trans/transgender/nonconforming": "other", "transgender": "other",
}  # fmt: skip


def plain(header: Iterable[str]) -> list[str]:
    """Return the names of a header as this module spells them."""
    names = ["".join(letter for letter in name.lower() if letter.isalnum()) for name in header]
    return [_ALIASES.get(name, name) for name in names]


def find_family(names: Iterable[str]) -> Family | None:
    """Return the family of the file with these columns; None when it is of none."""
    given = frozenset(names)
    return next((family for family in FAMILIES if family.marks <= given), None)


def groupwise_zero_fill(
    values: Mapping[str, bool | None], groups: Iterable[Sequence[str]] = GROUPS
) -> dict[str, bool | None]:
    """Return ``values`` with no for what was not reported in a group of which something was (codebook, section 6).

    Where nothing of a group was reported, it stays unknown: unknown is never no.
    """
    filled = dict(values)
    for group in groups:
        if any(values.get(name) for name in group):
            filled.update({name: bool(values.get(name)) for name in group if name in values})
    return filled


def any_of(values: Iterable[bool | None]) -> bool | None:
    """Return yes if one is yes, no if all are no, else unknown."""
    given = list(values)
    if any(given):
        return True
    return None if None in given or not given else False
