"""Masks hide, add up to nothing, and never wrap a sum around."""

import secrets

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from safeborders.privacy.aggregation.masking import SEED_BYTES, Mask, apply_masks, decode, encode, entry_bound


@pytest.mark.parametrize("length", [1, 2, 3, 32_767, 32_768, 32_769, 100_000])
def test_a_mask_that_is_added_and_taken_away_leaves_nothing(length: int) -> None:
    vector = np.arange(length, dtype=np.uint32)
    seed = secrets.token_bytes(SEED_BYTES)
    apply_masks(vector, [Mask(seed, is_added=True)])
    assert length < 4 or (vector != np.arange(length)).any()
    apply_masks(vector, [Mask(seed, is_added=False)])
    assert (vector == np.arange(length)).all()


def test_the_stream_is_aes_256_in_counter_mode() -> None:
    # NIST AESAVS, KeySbox 256: the encryption of the zero block under this key.
    key = bytes.fromhex("c47b0294dbbbee0fec4757f22ffeee3587ca4730c3d33b691df38bab076bc558")
    vector = np.zeros(4, dtype=np.uint32)
    apply_masks(vector, [Mask(key, is_added=True)])
    assert vector.astype("<u4").tobytes().hex() == "46f2fb342d6f0ab477476fc501242c5f"


def test_a_masked_vector_looks_uniform_whatever_is_below() -> None:
    vector = encode(np.full(1 << 18, 5, dtype=np.int64), parties=9)
    apply_masks(vector, [Mask(secrets.token_bytes(SEED_BYTES), is_added=True)])
    assert chisquare(np.bincount(vector >> 24, minlength=256)).pvalue > 1e-6


def test_control_an_unmasked_vector_does_not_look_uniform() -> None:
    vector = encode(np.full(1 << 18, 5, dtype=np.int64), parties=9)
    assert chisquare(np.bincount(vector >> 24, minlength=256)).pvalue < 1e-6


@given(st.integers(1, 64), st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=8))
def test_no_sum_over_all_parties_wraps_around(parties: int, entries: list[int]) -> None:
    update = np.array(entries, dtype=np.int64)
    encoded = encode(update, parties=parties)
    total = np.zeros(len(entries), dtype=np.uint32)
    for _ in range(parties):
        total += encoded
    bound = entry_bound(parties)
    assert (decode(total) == parties * np.clip(update, -bound, bound)).all()


def test_control_one_more_than_the_bound_wraps_around() -> None:
    parties = 9
    beyond = np.full(1, entry_bound(parties) + 1, dtype=np.int64).astype(np.int32).view(np.uint32)
    total = np.zeros(1, dtype=np.uint32)
    for _ in range(parties):
        total += beyond
    assert decode(total)[0] < 0


def test_a_seed_has_256_bits_and_a_sum_at_least_one_party() -> None:
    with pytest.raises(ValueError, match="seed must have 32 bytes"):
        apply_masks(np.zeros(1, dtype=np.uint32), [Mask(b"short", is_added=True)])
    with pytest.raises(ValueError, match="parties must be >= 1"):
        entry_bound(0)
    assert repr(Mask(b"0" * 32, is_added=True)) == "<Mask>"


def test_a_long_stream_is_one_keystream_without_a_seam() -> None:
    """Countries with another implementation must come to the same masks, also beyond one block of the loop."""
    seed, length = bytes(range(32)), 70_001
    keystream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor().update(bytes(4 * length))
    vector = np.zeros(length, dtype=np.uint32)
    apply_masks(vector, [Mask(seed, is_added=True)])
    assert vector.astype("<u4").tobytes() == keystream


def test_the_whole_range_of_one_party_is_used() -> None:
    assert entry_bound(1) == 2**31 - 1
