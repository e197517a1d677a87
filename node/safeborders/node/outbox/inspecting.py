"""Takes an update apart for the operator: tensors, norms against the noise, masks; never a number of a person.

Everything shown is of the noised sum, which is safe to publish by itself (privacy.md 4.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.models.architecture import STATISTICS, Architecture, Catalogue
from safeborders.models.protocol.aggregation import parse_upload
from safeborders.models.protocol.messages import MessageRefused
from safeborders.models.protocol.vectors import parse_update
from safeborders.privacy.aggregation.masking import Mask, apply_masks, decode
from safeborders.privacy.aggregation.session import Session
from safeborders.privacy.events import AttributedGaussian, Event
from safeborders.privacy.relational import RootedGaussian

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
_LARGEST = 2**62


@dataclass(frozen=True)
class TensorView:
    """One part of an update.

    Attributes:
        name: Task and tensor, or ``statistics``.
        shape: Of the tensor.
        norm: Euclidean, in units of the integer grid; None where masks hide the numbers.
        noise_norm: What the norm of the noise alone is expected to be: sigma times the root of the length.
        quantiles: Least, quarters and greatest of the noised numbers; empty where masks hide them.
    """

    name: str
    shape: tuple[int, ...]
    norm: float | None
    noise_norm: float
    quantiles: tuple[float, ...]


def is_under_masks(payload: bytes) -> bool:
    """Tell whether ``payload`` is an upload of secure aggregation; the noised numbers of a plain one are none."""
    try:
        parse_upload(payload)
    except MessageRefused:
        return False
    return True


def read_vector(payload: bytes, *, length: int, session: Session | None, is_masked: bool) -> NDArray[np.int64] | None:
    """Return the noised numbers in ``payload``, or None where masks hide them and their seeds are forgotten.

    Args:
        payload: Of the outbox.
        length: Entries of an update.
        session: Of the round under masks, while it is kept.
        is_masked: Whether the payload is under masks.
    """
    if not is_masked:
        return parse_update(payload, length=length, bound=_LARGEST)
    if session is None or not session.vector_sha256:
        return None
    _, content = parse_upload(payload)
    vector = np.frombuffer(content, dtype="<u4").astype(np.uint32)
    apply_masks(vector, _taking_off(session))
    return decode(vector)


def architecture_of(events: Sequence[Event], catalogue: Catalogue) -> Architecture | None:
    """Return the model that a charged round was for, as the ledger's events tell; None for one of another version."""
    trainings = [event for event in events if isinstance(event, AttributedGaussian | RootedGaussian)]
    return catalogue.find_parts([(event.task, event.dimension) for event in trainings])


def view_tensors(
    vector: NDArray[np.int64] | None, *, architecture: Architecture | None, events: Sequence[Event]
) -> list[TensorView]:
    """Return the parts of an update in the order of the flat vector; none for a model of another version."""
    gaussians = [event for event in events if isinstance(event, AttributedGaussian | RootedGaussian)]
    deviations = {event.task: event.noise_multiplier * event.grid for event in gaussians}
    found: list[TensorView] = []
    start = 0
    for task in architecture.tasks if architecture else ():
        for name, shape in (*task.layout, ("statistics", (len(STATISTICS),))):
            size = int(np.prod(shape))
            part = None if vector is None else vector[start : start + size].astype(np.float64)
            found.append(
                TensorView(
                    name=f"{task.name}.{name}",
                    shape=shape,
                    norm=None if part is None else float(np.linalg.norm(part)),
                    noise_norm=deviations.get(task.name, 0.0) * float(np.sqrt(size)),
                    quantiles=() if part is None else tuple(float(one) for one in np.quantile(part, _QUANTILES)),
                )
            )
            start += size
    return found


def _taking_off(session: Session) -> list[Mask]:
    """The country's masks, each with the other sign."""
    own = session.advert.body.country.value
    shared = [Mask(seed=bytes.fromhex(seed), is_added=not own < peer) for peer, seed in session.pair_seeds.items()]
    return [Mask(seed=bytes.fromhex(session.own_seed), is_added=False), *shared]
