"""What the coordinator's messages carry: plan, papers, the round's state of secure aggregation, then the flat model."""

from dataclasses import dataclass

from pydantic import ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.models.protocol.messages import MessageRefused
from safeborders.models.protocol.plan import RunPlan

_PREFIX_BYTES = 4
_LONGEST_PART_BYTES = 2**20


@dataclass(frozen=True)
class Order:
    """The payload of an order, taken apart.

    Args:
        plan: Of the run.
        model: Flat model as ``vectors.model_to_bytes`` writes it.
        papers: As ``papers.Papers.to_bytes`` writes them; empty where nobody asks for them, which no country does.
        aggregation: Keys, survivors or confirmations of the round as ``aggregation`` writes them; empty without masks.
    """

    plan: RunPlan
    model: bytes
    papers: bytes = b""
    aggregation: bytes = b""


def build_order(order: Order) -> bytes:
    """Return the payload of an order."""
    document = canonical_json(order.plan.model_dump(mode="json"))
    return with_length(document) + with_length(order.papers) + with_length(order.aggregation) + order.model


def parse_order(payload: bytes) -> Order:
    """Return what ``payload`` carries.

    Raises:
        MessageRefused: If there is no plan in canonical form at its start.
    """
    document, rest = split_part(payload)
    papers, rest = split_part(rest)
    aggregation, model = split_part(rest)
    try:
        plan = RunPlan.model_validate_json(document)
    except ValidationError as error:
        raise MessageRefused("The plan has an unknown form: both ends need the same version.") from error
    if canonical_json(plan.model_dump(mode="json")) != document:
        raise MessageRefused("The plan is not canonical JSON: both ends need the same version.")
    return Order(plan=plan, model=model, papers=papers, aggregation=aggregation)


def with_length(part: bytes) -> bytes:
    """Return ``part`` behind its length, four bytes, big-endian."""
    return len(part).to_bytes(_PREFIX_BYTES, "big") + part


def split_part(content: bytes) -> tuple[bytes, bytes]:
    """Return the first part of ``content`` and what follows it. Raises MessageRefused if there is none."""
    length = int.from_bytes(content[:_PREFIX_BYTES], "big")
    part = content[_PREFIX_BYTES : _PREFIX_BYTES + length]
    if len(content) < _PREFIX_BYTES or length > _LONGEST_PART_BYTES or len(part) != length:
        raise MessageRefused("The message lacks a part: both ends need the same version.")
    return part, content[_PREFIX_BYTES + length :]
