"""Codes of the modus-operandi vocabulary; their meaning is in ``models/ontology`` (domain.md 1.6, 2.1)."""

from dataclasses import dataclass
from enum import StrEnum


class CaseType(StrEnum):
    """The eight recurring ways in which trafficking in children is committed."""

    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    T5 = "T5"
    T6 = "T6"
    T7 = "T7"
    T8 = "T8"


class IndicatorGroup(StrEnum):
    """What an indicator says something about; a group is recorded or left out as a whole."""

    CONTROL = "ctl"
    FORM = "frm"
    RECRUITER = "rec"
    CHANNEL = "chn"
    MOVEMENT = "mov"
    SCALE = "scl"
    MONEY = "mny"


class DelphiDimension(StrEnum):
    """The six dimensions of the ILO/EC operational indicators of 2009."""

    DECEPTIVE_RECRUITMENT = "deceptive_recruitment"
    COERCIVE_RECRUITMENT = "coercive_recruitment"
    VULNERABILITY_IN_RECRUITMENT = "recruitment_by_abuse_of_vulnerability"
    EXPLOITATION = "exploitation_conditions"
    COERCION = "coercion_at_destination"
    VULNERABILITY = "abuse_of_vulnerability_at_destination"


@dataclass(frozen=True)
class Indicator:
    """One of the 34 things that may be known about how a case was committed.

    Attributes:
        code: Its code, ``group.word``; the prefix ``sb:`` is added on export.
        meaning: One sentence.
        ctdc: Name in the CTDC global synthetic data set of 2024, None without one.
        kanon: Columns of the CTDC k-anonymised file that mean it.
        htcds: Values of HTCDS 2.0 that mean it.
        dimension: A :class:`DelphiDimension`, None without a counterpart; a projection of ours.
        strength: ``strong``, ``medium`` or ``weak`` by the nearest Delphi indicator; never a weight of a model.
    """

    code: str
    meaning: str
    ctdc: str | None
    kanon: tuple[str, ...] = ()
    htcds: tuple[str, ...] = ()
    dimension: str | None = None
    strength: str | None = None

    @property
    def group(self) -> IndicatorGroup:
        """The group that the code begins with."""
        return IndicatorGroup(self.code.partition(".")[0])


@dataclass(frozen=True)
class Typology:
    """The public description of a case type; it holds no number, because numbers are learnt.

    Attributes:
        code: The type.
        title: A few words for people.
        description: What is typical of it.
        indicators: Codes of the indicators that experts expect.
    """

    code: CaseType
    title: str
    description: str
    indicators: tuple[str, ...]
