"""The noise has the law that the accountant prices; every check is one that a wrong law fails."""

import math
from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare, kstest, norm

from safeborders.privacy.dpsgd import noise
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.dpsgd.noise_loops import ACCEPTED, REJECTED, Verdicts, draw_bits, fill, propose
from safeborders.privacy.rounding import LARGEST_DEVIATION

# Each test below fails by chance with this probability; 20 of them make a false alarm once in 50,000 runs.
CHANCE = 1e-6
DRAWS = 40_000


def law(deviation: float, *, reach: int) -> NDArray[np.float64]:
    values = np.arange(-reach, reach + 1)
    weights: NDArray[np.float64] = np.exp(-(values**2) / (2 * deviation**2))
    return weights / float(weights.sum())


def p_value(drawn: NDArray[np.int64], *, deviation: float) -> float:
    """Chi-squared test against the exact law; the tails beyond four deviations are one bin each."""
    reach = math.ceil(3.5 * deviation)
    exact = law(deviation, reach=12 * math.ceil(deviation))
    middle = len(exact) // 2
    inner = exact[middle - reach : middle + reach + 1]
    tail = (1 - inner.sum()) / 2
    seen = np.bincount(np.clip(drawn, -reach - 1, reach + 1) + reach + 1, minlength=2 * reach + 3)
    expected = np.concatenate([[tail], inner, [tail]]) * len(drawn)
    return float(chisquare(seen, expected * (seen.sum() / expected.sum())).pvalue)


@pytest.mark.parametrize("deviation", [1, 2, 3, 5, 16])
def test_small_deviations_have_exactly_the_discrete_gaussian_law(deviation: int) -> None:
    assert p_value(discrete_gaussian(DRAWS, deviation=deviation), deviation=deviation) > CHANCE


@pytest.mark.parametrize("wrong", [0.95, 1.05])
def test_control_a_deviation_five_percent_off_is_caught(wrong: float) -> None:
    drawn = discrete_gaussian(DRAWS, deviation=16)
    assert p_value(drawn, deviation=16 * wrong) < CHANCE


def test_control_rounded_laplace_noise_is_caught() -> None:
    generator = np.random.default_rng(1)
    drawn = np.rint(generator.laplace(0, 16 / math.sqrt(2), DRAWS)).astype(np.int64)
    assert p_value(drawn, deviation=16) < CHANCE


@pytest.mark.parametrize("deviation", [2**22, 2**26 - 5, LARGEST_DEVIATION])
def test_large_deviations_follow_the_continuous_law_to_within_the_test(deviation: int) -> None:
    drawn = discrete_gaussian(DRAWS, deviation=deviation)
    assert kstest(drawn / deviation, norm.cdf).pvalue > CHANCE
    assert drawn.std() / deviation == pytest.approx(1, abs=5 / math.sqrt(2 * DRAWS))
    assert drawn.mean() / deviation == pytest.approx(0, abs=5 / math.sqrt(DRAWS))


def test_control_the_test_of_large_deviations_catches_three_percent() -> None:
    drawn = discrete_gaussian(DRAWS, deviation=2**22)
    assert drawn.std() / (1.03 * 2**22) != pytest.approx(1, abs=5 / math.sqrt(2 * DRAWS))


def test_the_low_bits_are_as_random_as_the_high_ones() -> None:
    drawn = discrete_gaussian(DRAWS, deviation=2**22 + 7)
    assert chisquare(np.bincount(drawn & 15, minlength=16)).pvalue > CHANCE


def test_draws_are_independent_of_each_other_and_of_earlier_calls() -> None:
    first, second = (discrete_gaussian(DRAWS, deviation=2**20) / 2**20 for _ in range(2))
    bound = 5 / math.sqrt(DRAWS)
    assert abs(np.corrcoef(first, second)[0, 1]) < bound
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < bound


def test_no_draws_are_none_and_impossible_requests_are_refused() -> None:
    assert discrete_gaussian(0, deviation=5).shape == (0,)
    with pytest.raises(ValueError, match="count"):
        discrete_gaussian(-1, deviation=5)
    for deviation in (0, LARGEST_DEVIATION + 1):
        with pytest.raises(ValueError, match="deviation"):
            discrete_gaussian(1, deviation=deviation)


def exact_weight(cells: noise._Cells, value: int, *, half: float = 0.5) -> float:
    """Return the likelihood of one integer by the table and the acceptance rule, by arithmetic and not by drawing."""
    cell, offset = divmod(abs(value), 2**cells.width_bits)
    likely = cells.thresholds[cell] - (cells.thresholds[cell - 1] if cell else 0)
    begin = cell << cells.width_bits
    accepted = math.exp(-offset * (2 * begin + offset) / (2 * cells.deviation**2))
    weight: float = likely / 2**128 / 2**cells.width_bits * accepted * half
    return weight


@pytest.mark.parametrize("deviation", [1, 7, 100, 1000])
def test_table_and_acceptance_give_the_weights_of_the_law(deviation: int) -> None:
    cells = noise._cells(deviation)
    reach = 12 * deviation
    weights = np.array([exact_weight(cells, value) for value in range(-reach, reach + 1)])
    assert np.abs(weights / weights.sum() - law(deviation, reach=reach)).sum() < 1e-13


def test_control_a_zero_with_two_signs_is_caught() -> None:
    cells = noise._cells(7)
    weights = np.array([exact_weight(cells, value, half=1.0 if value == 0 else 0.5) for value in range(-84, 85)])
    assert np.abs(weights / weights.sum() - law(7, reach=84)).sum() > 1e-3


def test_words_that_float64_cannot_decide_are_decided_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "_UNDECIDED", 2.0)  # everything takes the slow way
    monkeypatch.setattr(noise, "_cells", noise._cells.__wrapped__)  # in tables of its own
    assert p_value(discrete_gaussian(4_000, deviation=20), deviation=20) > CHANCE


FIRST, PLACE = 49_000, 2**10


def settled(cells: noise._Cells, *, acceptance: int, cell: int | None = None, minus: bool = False) -> tuple[int, bool]:
    """Return what one draw proposes, and whether it is accepted, by all 64 bits of its acceptance and of its cell."""
    first = FIRST if cell is None else cell >> 48
    bits = np.array([acceptance >> 48, minus << 15 | PLACE, first], dtype=np.uint16)
    rest = np.array([(cell or 0) << 16 & 2**64 - 1, acceptance << 16 & 2**64 - 1], dtype=np.uint64)
    proposed = np.zeros(1, dtype=np.int64)
    verdicts = noise._settle(cells, bits, far=np.array([0]), rest=rest, proposed=proposed)
    return int(proposed[0]), bool(verdicts[0] == ACCEPTED)


def test_an_acceptance_within_a_hair_of_its_probability_is_decided_exactly() -> None:
    cells = noise._cells(2**20)
    begin = int(cells.table.cells[FIRST]) << cells.width_bits
    with localcontext() as context:
        context.prec = 60
        edge = int((-Decimal(PLACE * (2 * begin + PLACE)) / 2**41).exp() * 2**64)
    for word, wanted in ((edge, True), (edge + 1, False), (edge - 2**30, True), (edge + 2**30, False)):
        assert settled(cells, acceptance=word) == (begin + PLACE, wanted)
        assert settled(cells, acceptance=word, minus=True) == (-begin - PLACE, wanted)


def test_an_upper_half_that_equals_a_threshold_is_decided_by_the_lower() -> None:
    cells = noise._cells(2**20)
    edge = cells.thresholds[3]
    found = [settled(cells, acceptance=0, cell=edge >> 64)[0] >> cells.width_bits for _ in range(400)]
    wanted = (edge & (2**64 - 1)) / 2**64
    assert set(found) <= {3, 4}
    assert abs(found.count(3) / 400 - wanted) < 5 * math.sqrt(0.25 / 400)
    assert settled(cells, acceptance=0, cell=(edge >> 64) - 1)[0] >> cells.width_bits == 3  # control: no tie
    assert settled(cells, acceptance=0, cell=(edge >> 64) + 1)[0] >> cells.width_bits == 4


@pytest.mark.parametrize("exactly", [False, True])
def test_a_zero_is_accepted_with_one_sign_alone(exactly: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = noise._cells(1)
    if exactly:
        cells = replace(cells, table=cells.table._replace(undecided=2.0))
    bits = np.array([0, 0, 0, 0, 1 << 15, 0], dtype=np.uint16)  # a plus and a minus; the first cell is zero alone
    nothing = np.zeros(4, dtype=np.uint64)
    verdicts = noise._settle(cells, bits, far=np.arange(2), rest=nothing, proposed=np.zeros(2, dtype=np.int64)).tolist()
    assert verdicts == [ACCEPTED, REJECTED]


def wrong_shortcuts(cells: noise._Cells) -> int:
    """Return how many first bits are looked up wrongly, plus one if a certain acceptance is not certain."""
    usual = np.flatnonzero(cells.table.cells >= 0)
    bounds = [0, *cells.thresholds]
    wrong = 0
    for first in usual.tolist():
        cell = int(cells.table.cells[first])
        wrong += not bounds[cell] <= first << 112 < (first + 1) << 112 <= bounds[cell + 1]
    width, begin = 2**cells.width_bits, int(cells.table.cells.max()) << cells.width_bits
    least = math.exp(-(width - 1) * (2 * begin + width - 1) / (2 * cells.deviation**2))
    return wrong + int(cells.table.sure > least * 2**16)


@pytest.mark.parametrize("deviation", [1, 100, 1000, 5 * 2**16, 2**24 - 1, 2**24, LARGEST_DEVIATION])
def test_bits_are_left_out_only_where_they_decide_nothing(deviation: int) -> None:
    cells = noise._cells(deviation)
    assert wrong_shortcuts(cells) == 0
    assert deviation < 100 or (cells.table.cells < 0).mean() < 0.04  # and elsewhere they are left out


def test_control_a_wrong_cell_and_a_rash_acceptance_are_caught() -> None:
    cells = noise._cells(5 * 2**16)
    shifted = np.where(cells.table.cells >= 0, cells.table.cells + np.int16(1), cells.table.cells)
    assert wrong_shortcuts(replace(cells, table=cells.table._replace(cells=shifted))) > 60_000
    assert wrong_shortcuts(replace(cells, table=cells.table._replace(sure=2**16))) == 1


def test_the_first_pass_proposes_what_its_bits_say_and_leaves_out_nobody() -> None:
    cells = noise._cells(5 * 2**16)
    count = 5_000
    bits = draw_bits(count, width_bits=cells.width_bits)
    proposed, far = np.empty(count, dtype=np.int64), np.empty(count + 1, dtype=np.int64)
    found = far[: propose(cells.table, bits, proposed=proposed, far=far)]
    acceptances, places, firsts = bits[: 3 * count].reshape(count, 3).T.astype(np.int64)
    cell = cells.table.cells[firsts].astype(np.int64)
    assert np.array_equal(found, np.flatnonzero((cell < 0) | (acceptances >= cells.table.sure)))
    near = np.setdiff1d(np.arange(count), found)
    magnitude = (cell << cells.width_bits) + (places & 2**cells.width_bits - 1)
    assert np.array_equal(proposed[near], np.where(places >> 15, -magnitude, magnitude)[near])


@pytest.mark.parametrize("rejected", [[], [1, 3], [1, 4, 6, 7], [0, 1, 2, 3, 5], list(range(8))])
def test_places_of_rejected_proposals_are_filled_by_later_accepted_ones(rejected: list[int]) -> None:
    proposed, far = np.arange(8) * 10, np.arange(8)
    verdicts = np.array([REJECTED if one in rejected else ACCEPTED for one in far], dtype=np.uint8)
    still_open = far[: fill(proposed, far=far, verdicts=verdicts, count=5)].tolist()
    lost, spare = [one for one in rejected if one < 5], [one for one in (5, 6, 7) if one not in rejected]
    assert len(still_open) == max(0, len(lost) - len(spare))
    kept = [one for one in range(5) if one not in rejected]
    assert all(proposed[one] == 10 * one for one in kept)
    filled = sorted(int(proposed[one]) for one in lost if one not in still_open)
    assert len(set(filled)) == len(filled)
    assert set(filled) <= {10 * one for one in spare}


def test_what_stays_open_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = noise._propose

    def mostly_rejecting(cells: noise._Cells, proposed: NDArray[np.int64]) -> tuple[NDArray[np.int64], Verdicts]:
        far, verdicts = plain(cells, proposed)
        accepted = np.ones(len(proposed), dtype=np.uint8)
        accepted[far] = verdicts
        accepted[np.arange(len(proposed)) % 10 > 0] = REJECTED
        return np.arange(len(proposed)), accepted

    monkeypatch.setattr(noise, "_propose", mostly_rejecting)
    assert p_value(discrete_gaussian(DRAWS, deviation=5), deviation=5) > CHANCE
