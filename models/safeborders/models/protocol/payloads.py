"""What the coordinator's messages carry: the plan's canonical JSON, length-prefixed, and the flat model behind it."""

from pydantic import ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.models.protocol.messages import MessageRefused
from safeborders.models.protocol.plan import RunPlan

_PREFIX_BYTES = 4
_LONGEST_PLAN_BYTES = 2**20


def build_order(plan: RunPlan, *, model: bytes) -> bytes:
    """Return the payload of a TRAIN or ACTIVATE message.

    Args:
        plan: Of the run.
        model: Flat model as ``vectors.model_to_bytes`` writes it.
    """
    document = canonical_json(plan.model_dump(mode="json"))
    return len(document).to_bytes(_PREFIX_BYTES, "big") + document + model


def parse_order(payload: bytes) -> tuple[RunPlan, bytes]:
    """Return the plan and the model bytes in ``payload``.

    Raises:
        MessageRefused: If there is no plan in canonical form at its start.
    """
    length = int.from_bytes(payload[:_PREFIX_BYTES], "big")
    document = payload[_PREFIX_BYTES : _PREFIX_BYTES + length]
    if len(payload) < _PREFIX_BYTES or length > _LONGEST_PLAN_BYTES or len(document) != length:
        raise MessageRefused("The message holds no plan: both ends need the same version.")
    try:
        plan = RunPlan.model_validate_json(document)
    except ValidationError as error:
        raise MessageRefused("The plan has an unknown form: both ends need the same version.") from error
    if canonical_json(plan.model_dump(mode="json")) != document:
        raise MessageRefused("The plan is not canonical JSON: both ends need the same version.")
    return plan, payload[_PREFIX_BYTES + length :]
