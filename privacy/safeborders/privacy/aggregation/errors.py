"""Why a round of secure aggregation is refused: one class per reason. A refused round is never opened."""

from typing import ClassVar

from safeborders.privacy.errors import PrivacyError


class AggregationRefused(PrivacyError):
    """Root of the refusals of secure aggregation."""

    code: ClassVar[str] = "aggregation.refused"


class TooFewParties(AggregationRefused):
    """Fewer countries than the floor take part or are left."""

    code = "aggregation.too_few_parties"


class WrongContext(AggregationRefused):
    """A message belongs to another round, model, roster or manifest."""

    code = "aggregation.wrong_context"


class WrongParties(AggregationRefused):
    """The countries named are not exactly those that take part, or one stands twice."""

    code = "aggregation.wrong_parties"


class BadSignature(AggregationRefused):
    """A message is not signed by its sender's key in the roster; a substituted key shows itself here."""

    code = "aggregation.bad_signature"


class Contradiction(AggregationRefused):
    """The same round was asked to go another way than it went: two transcripts, vectors or sets of survivors."""

    code = "aggregation.contradiction"


class OutOfOrder(AggregationRefused):
    """A step was asked for before the one it rests on, or after its time."""

    code = "aggregation.out_of_order"


class Unconfirmed(AggregationRefused):
    """Not every survivor has signed the same set of survivors."""

    code = "aggregation.unconfirmed"


class BrokenCommitment(AggregationRefused):
    """A seed is not the one that was committed to, or two ends committed to different ones."""

    code = "aggregation.broken_commitment"


class BadVector(AggregationRefused):
    """A vector has another length or type than the context says, or is not the one that was signed."""

    code = "aggregation.bad_vector"
