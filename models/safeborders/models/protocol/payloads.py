"""What the coordinator's messages carry: the plan's canonical JSON, the run's papers, then the flat model."""

from dataclasses import dataclass

from pydantic import ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.models.protocol.messages import MessageRefused
from safeborders.models.protocol.plan import RunPlan

_PREFIX_BYTES = 4
_LONGEST_PART_BYTES = 2**20


@dataclass(frozen=True)
class Order:
    """The payload of a TRAIN or ACTIVATE message, taken apart.

    Args:
        plan: Of the run.
        model: Flat model as ``vectors.model_to_bytes`` writes it.
        papers: As ``papers.Papers.to_bytes`` writes them; empty where nobody asks for them, which no country does.
    """

    plan: RunPlan
    model: bytes
    papers: bytes = b""


def build_order(plan: RunPlan, *, model: bytes, papers: bytes = b"") -> bytes:
    """Return the payload of a TRAIN or ACTIVATE message."""
    document = canonical_json(plan.model_dump(mode="json"))
    return _with_length(document) + _with_length(papers) + model


def parse_order(payload: bytes) -> Order:
    """Return what ``payload`` carries.

    Raises:
        MessageRefused: If there is no plan in canonical form at its start.
    """
    document, rest = _split(payload)
    papers, model = _split(rest)
    try:
        plan = RunPlan.model_validate_json(document)
    except ValidationError as error:
        raise MessageRefused("The plan has an unknown form: both ends need the same version.") from error
    if canonical_json(plan.model_dump(mode="json")) != document:
        raise MessageRefused("The plan is not canonical JSON: both ends need the same version.")
    return Order(plan=plan, model=model, papers=papers)


def _with_length(part: bytes) -> bytes:
    return len(part).to_bytes(_PREFIX_BYTES, "big") + part


def _split(content: bytes) -> tuple[bytes, bytes]:
    length = int.from_bytes(content[:_PREFIX_BYTES], "big")
    part = content[_PREFIX_BYTES : _PREFIX_BYTES + length]
    if len(content) < _PREFIX_BYTES or length > _LONGEST_PART_BYTES or len(part) != length:
        raise MessageRefused("The message holds no plan: both ends need the same version.")
    return part, content[_PREFIX_BYTES + length :]
