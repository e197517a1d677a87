"""What an operator reads of a privacy audit: words at 80 columns, and never that an attack was withstood unmade."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from safeborders.node.commands.audit_report import lines_of, print_findings
from safeborders.node.learning.privacy_audits.battery import Finding, audit_release
from safeborders.privacy.agreement.evidence import AttackVerdict
from sbtest.audited_release import make_subject


def shown(findings: Sequence[Finding]) -> str:
    console = Console(width=80, highlight=False)
    with console.capture() as captured:
        print_findings(console, findings)
    return captured.get()


@pytest.fixture(scope="module")
def both() -> tuple[Sequence[Finding], Sequence[Finding]]:
    """Return the audit of a release where half of the examples took part, and of one where all did."""
    subject = make_subject(rounds=2)
    everybody = replace(subject, others=(subject.others[0][:0], subject.others[1][:0]))
    return audit_release([subject]), audit_release([everybody])


def test_where_everybody_took_part_membership_is_not_called_withstood(
    both: tuple[Sequence[Finding], Sequence[Finding]],
) -> None:
    half, everybody = (next(line for line in shown(one).splitlines() if "membership" in line) for one in both)
    assert "not judged" in everybody
    assert "withstood" not in everybody
    assert "not judged" not in half  # the control
    assert "nobody to tell members from" in shown(both[1])


def test_what_travels_reads_the_same_whoever_took_part(both: tuple[Sequence[Finding], Sequence[Finding]]) -> None:
    """Whether somebody was left out is a fact about the records: the signed sentence covers both cases."""
    half, everybody = ([one.verdict for one in findings if one.verdict.attack == "membership"] for findings in both)
    assert half[0].power == everybody[0].power
    assert "Where nobody known was left out" in half[0].power


def test_each_figure_stands_on_a_line_of_its_own_at_80_columns(
    both: tuple[Sequence[Finding], Sequence[Finding]],
) -> None:
    for findings in both:
        text = shown(findings)
        assert "_" not in text
        assert max(map(len, text.splitlines())) <= 80
        for line in (line for finding in findings for line in "\n".join(lines_of(finding)).splitlines()):
            assert line in text  # whole: nothing is wrapped


def test_a_failed_attack_is_called_so_and_an_unprovable_claim_too() -> None:
    verdict = AttackVerdict(attack="canaries", task="links", passed=False, bar="-", power="-")
    figures = {"epsilon_at_least": 2.5, "epsilon_claimed": 1.0, "right": 99, "guesses": 100, "right_to_refute": 93}
    text = shown([Finding(verdict, figures)])
    assert "not withstood" in text
    assert "epsilon at least 2.50, claimed 1.00" in text
    assert "93 would refute it" in text
    assert "no number would refute it" in lines_of(Finding(verdict, {**figures, "right_to_refute": None}))[1]
