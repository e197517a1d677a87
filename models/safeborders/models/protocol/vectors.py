"""Payloads as bytes: a model as little-endian float32, an update as little-endian int64, both flat.

Flat arrays of a known length leave nothing to parse: no pickle, no header that can lie.
"""

import numpy as np
from numpy.typing import NDArray

from safeborders.models.protocol.messages import MessageRefused

_MODEL = np.dtype("<f4")
_UPDATE = np.dtype("<i8")


def model_to_bytes(parameters: NDArray[np.float32]) -> bytes:
    """Return a flat model as bytes."""
    return np.ascontiguousarray(parameters, dtype=_MODEL).tobytes()


def parse_model(content: bytes, *, length: int) -> NDArray[np.float32]:
    """Return the flat model in ``content``.

    Raises:
        MessageRefused: If it is not ``length`` finite float32 numbers.
    """
    if len(content) != length * _MODEL.itemsize:
        raise MessageRefused("The model has another size than the architecture: both ends need the same version.")
    parameters = np.frombuffer(content, dtype=_MODEL).astype(np.float32)
    if not np.isfinite(parameters).all():
        raise MessageRefused("The model holds a number that is not finite: it was ignored.")
    return parameters


def update_to_bytes(update: NDArray[np.int64]) -> bytes:
    """Return an integer update as bytes."""
    return np.ascontiguousarray(update, dtype=_UPDATE).tobytes()


def parse_update(content: bytes, *, length: int, bound: int) -> NDArray[np.int64]:
    """Return the integer update in ``content``.

    Args:
        content: What a country sent.
        length: Number of entries that the architecture asks for.
        bound: Largest absolute entry that an honest country can send (up to a probability below 2**-64).

    Raises:
        MessageRefused: If the length differs or an entry is beyond ``bound``.
    """
    if len(content) != length * _UPDATE.itemsize:
        raise MessageRefused("The update has another size than the architecture: it was not counted.")
    update = np.frombuffer(content, dtype=_UPDATE).astype(np.int64)
    if update.size and (int(update.max()) > bound or int(update.min()) < -bound):
        raise MessageRefused("The update is larger than clipping allows: it was not counted.")
    return update
