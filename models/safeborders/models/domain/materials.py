"""What a transfer agreement speaks about: classes of material, and the one class that no agreement can name.

``Material`` holds the seven classes that a grant may name. Raw records are ``Untransferable``: a type of their own, so
that a grant for them can be neither written, nor parsed, nor built (domain.md 3.5).
"""

from enum import StrEnum


class Material(StrEnum):
    """A class of material that an agreement may grant."""

    MODEL = "M1"  # the global model's weights
    UPDATE = "M2"  # a country's model update
    AGGREGATE = "M3"  # statistics with differential privacy
    FILTER = "M4"  # a match filter or token set
    HIT = "M5"  # a pseudonymous token and a contact point
    EVALUATION = "M6"  # evaluation metrics
    SYNTHETIC = "M7"  # synthetic records

    @property
    def words(self) -> str:
        """What it is, for people."""
        return _WORDS[self]


class Untransferable(StrEnum):
    """What leaves a country under no agreement at all."""

    RAW_RECORDS = "M8"


_WORDS: dict[Material, str] = {
    Material.MODEL: "the federation's model (weights)",
    Material.UPDATE: "model updates (noised sums)",
    Material.AGGREGATE: "statistics with noise",
    Material.FILTER: "match filters (blinded tokens)",
    Material.HIT: "hit notices (a token and a contact point)",
    Material.EVALUATION: "evaluation figures",
    Material.SYNTHETIC: "synthetic records",
}


class ProtectedGroup(StrEnum):
    """Persons whose tokens a grant can leave out."""

    VICTIM = "victim"
    WITNESS = "witness"
    MINOR = "minor"


class Prohibition(StrEnum):
    """What every agreement forbids; the first two by the program, the others by its parties."""

    RAW_RECORDS = "M8"
    ONWARD_TRANSFER = "onward_transfer"
    REIDENTIFICATION = "reidentification"
    EVIDENCE_WITHOUT_CONSENT = "evidence_use_without_consent"
    COMMERCIAL = "commercial"


COORDINATOR = "coordinator"
"""The party that is no country: it adds updates up and hands models out."""
