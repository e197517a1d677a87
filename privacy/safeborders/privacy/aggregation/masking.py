r"""Masks: streams of AES-256 in counter mode, added to a vector modulo :math:`2^{32}`.

A stream is used for one vector only: each seed is derived for one pair (or one country) in one round. With a uniform
mask the masked vector is uniform, whatever is below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

SEED_BYTES = 32
MODULUS_BITS = 32

_CHUNK_ENTRIES = 1 << 15  # 128 KiB: vector and stream stay in the processor's cache
_ENTRY_BYTES = 4
_ZEROS = bytes(_CHUNK_ENTRIES * _ENTRY_BYTES)
_BLOCK_BYTES = 16
_HALF = 1 << (MODULUS_BITS - 1)


@dataclass(frozen=True)
class Mask:
    """A stream and its sign.

    Attributes:
        seed: 32 secret bytes, used for this vector only.
        is_added: Whether the stream is added; otherwise it is taken away.
    """

    seed: bytes
    is_added: bool

    def __repr__(self) -> str:
        return "<Mask>"


def entry_bound(parties: int) -> int:
    """Return the largest absolute entry for which a sum over ``parties`` vectors cannot wrap around."""
    if parties < 1:
        raise ValueError(f"parties must be >= 1. Got {parties}.")
    return (_HALF - 1) // parties


def encode(update: NDArray[np.int64], *, parties: int) -> NDArray[np.uint32]:
    """Return ``update`` modulo 2**32, each entry first cut to ``entry_bound(parties)``.

    The update is noised already, so that cutting it is post-processing and costs no privacy.

    Shape:
        - ``update``: :math:`(D,)`; output: the same.
    """
    bound = entry_bound(parties)
    return np.clip(update, -bound, bound).astype(np.int32).view(np.uint32)


def decode(total: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the signed sum behind ``total``."""
    return total.view(np.int32).astype(np.int64)


def apply_masks(vector: NDArray[np.uint32], masks: Sequence[Mask]) -> None:
    """Add or take away all ``masks``, in place, modulo 2**32.

    Args:
        vector: C-contiguous.
        masks: Each with a seed of its own.

    Shape:
        - ``vector``: :math:`(D,)`.
    """
    streams = [(_stream(mask.seed), np.add if mask.is_added else np.subtract) for mask in masks]
    buffer = bytearray(len(_ZEROS) + _BLOCK_BYTES - 1)
    words = np.frombuffer(buffer, dtype="<u4", count=_CHUNK_ENTRIES)
    for start in range(0, len(vector), _CHUNK_ENTRIES):
        part = vector[start : start + _CHUNK_ENTRIES]
        zeros = _ZEROS if len(part) == _CHUNK_ENTRIES else _ZEROS[: len(part) * _ENTRY_BYTES]
        for stream, combine in streams:
            stream.update_into(zeros, buffer)
            combine(part, words[: len(part)], out=part)


def _stream(seed: bytes) -> CipherContext:
    if len(seed) != SEED_BYTES:
        raise ValueError(f"seed must have {SEED_BYTES} bytes. Got {len(seed)}.")
    return Cipher(algorithms.AES(seed), modes.CTR(bytes(_BLOCK_BYTES))).encryptor()
