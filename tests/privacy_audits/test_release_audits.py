"""The audits of a release: an honest build withstands them, a sabotaged one does not.

Each attack has the controls that its mechanism has: noise off, a wrong clip, a wrong rate, reused noise.
"""

import json
import pickle

import numpy as np
import pytest

from safeborders.node.learning.home import MustStayHome
from safeborders.node.learning.privacy_audits.battery import Build, audit_release
from safeborders.node.learning.privacy_audits.canaries import (
    GUESSES,
    audit_with_canaries,
    guesses_to_refute,
    largest_provable,
)
from safeborders.node.learning.privacy_audits.deletion import delete_persons
from safeborders.node.learning.privacy_audits.inversion import attack_gradients
from safeborders.node.learning.privacy_audits.membership import attack_membership
from safeborders.node.learning.privacy_audits.subject import Engine
from safeborders.privacy.dpsgd.engine import private_sum
from sbtest.audited_release import (
    CLASSES,
    DELTA,
    WIDTH,
    ReusedNoise,
    make_subject,
    trained_by,
    with_a_wide_clip,
    with_everybody,
    without_clipping,
    without_noise,
)

pytestmark = pytest.mark.audit
DEEP = (WIDTH, 8, CLASSES)


TRIES = 4
"""A sabotaged build is caught with a probability below one; an audit that never catches it fails all of these."""


def test_an_honest_release_withstands_every_audit() -> None:
    findings = audit_release([trained_by(private_sum)])
    assert [finding.verdict.attack for finding in findings] == ["delete_one", "canaries", "membership", "inversion"]
    for finding in findings:
        print(finding.verdict.attack, dict(finding.figures))  # noqa: T201  # evidence
        assert finding.verdict.passed, finding.verdict.attack


def test_what_was_found_in_records_cannot_travel() -> None:
    finding = audit_release([make_subject()])[0]
    with pytest.raises(MustStayHome):
        pickle.dumps(finding)
    with pytest.raises((TypeError, MustStayHome)):
        json.dumps(finding)


def test_control_a_build_without_noise_withstands_neither_canaries_nor_membership_nor_inversion() -> None:
    failed: set[str] = set()
    for _ in range(TRIES):
        findings = audit_release([trained_by(without_noise, rounds=60)], build=Build(engine=without_noise))
        failed |= {finding.verdict.attack for finding in findings if not finding.verdict.passed}
        if len(failed) == 3:
            break
    assert failed == {"canaries", "membership", "inversion"}


def test_deleting_a_person_moves_the_sum_within_its_bound() -> None:
    for widths in ((WIDTH, CLASSES), DEEP):
        found = delete_persons(make_subject(widths=widths))
        assert found.violations == 0
        assert 0 < found.worst <= 1


def test_control_a_sum_that_is_not_clipped_is_caught_by_deletion() -> None:
    assert delete_persons(make_subject(), total=without_clipping).violations > 0


@pytest.mark.parametrize(
    ("engine", "noise", "rate"),
    [(with_a_wide_clip, 9.0, 1.0), (with_everybody, 3.0, 0.1), (ReusedNoise(), 9.0, 0.5)],
    ids=["wrong clip", "wrong rate", "reused noise"],
)
def test_controls_are_caught_by_canaries_of_the_runs_engine(engine: Engine, noise: float, rate: float) -> None:
    subject = make_subject(noise=noise, rate=rate)
    honest = audit_with_canaries(subject.mechanism, rounds=subject.rounds, delta=DELTA)
    assert honest.epsilon_at_least <= subject.epsilon
    bounds = (
        audit_with_canaries(subject.mechanism, rounds=subject.rounds, delta=DELTA, engine=engine).epsilon_at_least
        for _ in range(TRIES)
    )
    assert any(bound > subject.epsilon for bound in bounds)


def test_the_power_of_the_canaries_is_stated_as_arithmetic_has_it() -> None:
    needed = guesses_to_refute(1.0, delta=DELTA)
    assert needed is not None
    assert GUESSES / 2 < needed <= GUESSES
    later = guesses_to_refute(2.0, delta=DELTA)
    assert later is not None
    assert later > needed
    assert guesses_to_refute(largest_provable(delta=DELTA) + 0.01, delta=DELTA) is None


def test_control_membership_is_found_where_nothing_hides_it() -> None:
    found = attack_membership(make_subject(rounds=30), engine=without_noise)
    best = max(one.area for one in found if one.target == "alone")
    assert best > 0.6


def test_control_shuffled_membership_is_not_found() -> None:
    """The released model of the fixture never saw an example, so that its members are members in name only."""
    found = [one for one in attack_membership(make_subject()) if one.target == "released"]
    assert all(abs(one.area - 0.5) < 4 * one.error for one in found)


@pytest.mark.parametrize("widths", [(WIDTH, CLASSES), DEEP], ids=["linear", "hidden layer"])
def test_control_a_lone_example_without_noise_is_read_whole(widths: tuple[int, ...]) -> None:
    found = attack_gradients(make_subject(widths=widths), engine=without_noise, trials=10, alone=True)
    assert max(one.area for one in found) > 0.95
    assert max(one.exact for one in found) >= 8


def test_noise_keeps_even_a_lone_record_from_coming_out_whole() -> None:
    found = attack_gradients(make_subject(widths=DEEP), trials=20, alone=True)
    assert [one.exact for one in found] == [0, 0]
    assert all(np.isfinite(one.area) for one in found)
