"""The governance envelope: what may be done with a record, who said it, how good it is, until when (domain.md 1.6)."""

from enum import IntFlag, StrEnum


class Regime(StrEnum):
    """The law that a record is held under."""

    LED = "LED"
    GDPR = "GDPR"


class Purpose(IntFlag):
    """What a record may be used for; a record carries a set of them."""

    TYPOLOGY = 1
    NETWORK = 2
    DECONFLICTION = 4
    EVALUATION = 8
    STATISTICS = 16


PURPOSE_CODES: dict[str, Purpose] = {
    "P1": Purpose.TYPOLOGY,
    "P2": Purpose.NETWORK,
    "P3": Purpose.DECONFLICTION,
    "P4": Purpose.EVALUATION,
    "P5": Purpose.STATISTICS,
}
"""Purposes by the code that agreements and requests use."""


class SourceGrade(StrEnum):
    """How far the source can be trusted (Europol Regulation, article 29): A always, B mostly, C rarely, X unknown."""

    A = "A"
    B = "B"
    C = "C"
    X = "X"


LOWEST_INFORMATION_GRADE = 4
"""Information grades run from 1 (certain) to 4 (hearsay that nothing supports), Europol Regulation, article 29."""


class StatementKind(StrEnum):
    """Whether a record states a fact or somebody's assessment (LED article 7)."""

    FACT = "fact"
    ASSESSMENT = "assessment"


class Handling(StrEnum):
    """Europol handling codes: H0 crime only, H1 not in court, H2 no dissemination, H3 other restrictions."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class Sensitivity(StrEnum):
    """How much harm a disclosure would do."""

    NORMAL = "normal"
    ARTICLE_10 = "sensitive_art10"
    VICTIM = "victim"
    MINOR_VICTIM = "minor_victim"
