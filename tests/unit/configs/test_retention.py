"""A national retention policy: complete, strict, and shorter for those who need it."""

import re
from pathlib import Path

import pytest

from safeborders.configs.loading import load_settings
from safeborders.configs.retention import RetentionPolicy
from safeborders.kit.errors import SettingsError
from safeborders.models.domain.governance import Sensitivity
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from sbtest.legal import POLICY_FILE, policy


def test_the_shorter_of_category_and_sensitivity_counts() -> None:
    ours = policy()
    assert ours.period(Is.SUSPECT, Sensitivity.NORMAL).retain_for == 3650
    assert ours.period(Is.SUSPECT, Sensitivity.MINOR_VICTIM).retain_for == 2555
    assert ours.period(Is.WITNESS, Sensitivity.MINOR_VICTIM).retain_for == 1825
    assert ours.period(None, Sensitivity.NORMAL).retain_for == 7300
    unknown = ours.period(Is.UNKNOWN, Sensitivity.NORMAL)
    assert (unknown.review_after, unknown.retain_for) == (45, 90)


@pytest.mark.parametrize("category", list(Is))
@pytest.mark.parametrize("sensitivity", list(Sensitivity))
def test_every_row_has_a_period_with_the_review_first(category: Is, sensitivity: Sensitivity) -> None:
    period = policy().period(category, sensitivity)
    assert 1 <= period.review_after <= period.retain_for


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  professional: {review_after: 365, retain_for: 1095}\n", "", "every category"),
        ("  witness: {review_after: 365,", "  unknown: {review_after: 365,", "every category"),
        ("  witness: {review_after: 365,", "  passerby: {review_after: 365,", "categories"),
        ("witness: {review_after: 365, retain_for: 1825}", "witness: {review_after: 365, retain_for: 3650}", "shorter"),
        ("minor_victim: {review_after: 365, retain_for: 2555}", "minor_victim: {review_after: 1, retain_for: 5475}",
         "shorter"),
        ("suspect: {review_after: 1095,", "suspect: {review_after: 4000,", "no later"),
        ("unknown_at_most_days: 90", "unknown_at_most_days: 0", "greater"),
        ("unknown_at_most_days: 90\n", "", "missing"),
        ("version: 1", "version: 1\nunknown_key: 1", "unknown"),
        ("thing: {review_after: 1825, retain_for: 7300}", "", "missing"),
    ],
)  # fmt: skip
def test_a_policy_with_a_gap_is_refused_with_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    text = re.sub(r" +#.*", "", POLICY_FILE.read_text(encoding="utf-8"))
    assert old in text
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError, match=sentence):
        load_settings(path, RetentionPolicy)
