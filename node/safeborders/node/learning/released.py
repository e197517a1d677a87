"""The released model that the country uses, and the plan that it was made under, kept for audits: both are public."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.files import write_atomically
from safeborders.models.architecture import Catalogue, UnknownModel
from safeborders.models.protocol.payloads import parse_order
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.vectors import model_to_bytes, parse_model
from safeborders.node.learning.policy import check_model


class NoReleasedModel(SafeBordersError):
    """The node keeps no released model, or not the one that it was told to use."""

    code: ClassVar[str] = "learning.no_released_model"


@dataclass(frozen=True)
class Released:
    """A model in use and its plan."""

    plan: RunPlan
    model: NDArray[np.float32]
    model_sha256: str


def keep_released(folder: Path, plan: RunPlan, *, model: NDArray[np.float32]) -> None:
    """Keep ``model`` and ``plan`` under the model's hash; the plan last, so that a model with a plan is whole."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = model_to_bytes(model)
    name = sha256_hex(content)
    write_atomically(folder / f"{name}.model", content)
    write_atomically(folder / f"{name}.json", plan.model_dump_json().encode())


def read_candidate(content: bytes, *, catalogue: Catalogue) -> Released:
    """Return the model that the coordinator wrote for its auditors, which is in no use yet.

    Raises:
        NoReleasedModel: If it is not such a file, or of a model that this version lacks.
    """
    try:
        order = parse_order(content)
        model = parse_model(order.model, length=catalogue.get(order.plan).length)
        check_model(model)
    except UnknownModel as error:
        raise NoReleasedModel("The model is of another version than this node: both ends need the same one.") from error
    except SafeBordersError as error:
        raise NoReleasedModel("The file is no model to audit: ask the coordinator for it again.") from error
    return Released(plan=order.plan, model=model, model_sha256=sha256_hex(order.model))


def load_released(folder: Path, model_sha256: str, *, catalogue: Catalogue) -> Released:
    """Return the model with this hash and its plan.

    Raises:
        NoReleasedModel: If it is not there, or is not what the hash says.
    """
    try:
        content = (folder / f"{model_sha256}.model").read_bytes()
        plan = RunPlan.model_validate_json((folder / f"{model_sha256}.json").read_bytes())
        model = parse_model(content, length=catalogue.get(plan).length)
    except (OSError, ValidationError, SafeBordersError) as error:
        raise NoReleasedModel(
            "The released model is not kept on this node: take part in a run to its end, then audit."
        ) from error
    if sha256_hex(content) != model_sha256:
        raise NoReleasedModel("The released model on this node was altered: take part in a run to its end, then audit.")
    return Released(plan=plan, model=model, model_sha256=model_sha256)
