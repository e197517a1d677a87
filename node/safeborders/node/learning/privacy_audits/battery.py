"""All audits of one release, in order: what each found, for the node alone, and the verdict that may travel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from safeborders.models.protocol.plan import TaskPlan
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.privacy_audits.canaries import (
    CANARIES,
    GUESSES,
    audit_with_canaries,
    guesses_to_refute,
    largest_provable,
)
from safeborders.node.learning.privacy_audits.deletion import (
    ClippedSum,
    Deletions,
    delete_from_graph,
    delete_persons,
)
from safeborders.node.learning.privacy_audits.inversion import TRIALS, attack_gradients
from safeborders.node.learning.privacy_audits.membership import SHADOWS, Membership, attack_answers, attack_membership
from safeborders.node.learning.privacy_audits.subject import Engine, RootedSubject, Subject
from safeborders.privacy.agreement.evidence import AttackVerdict
from safeborders.privacy.dpsgd.engine import clipped_sum, private_sum
from safeborders.privacy.dpsgd.sampling import random_words

MEMBERSHIP_AREA = 0.55
MEMBERSHIP_HITS = 0.02
INVERSION_AREA = 0.55

Figures = Mapping[str, float | int | None]


@dataclass(frozen=True, repr=False)
class Finding(StaysHome):
    """One attack on one task.

    Attributes:
        verdict: What may travel.
        figures: What was found in the country's records; never sent.
    """

    verdict: AttackVerdict
    figures: Figures


@dataclass(frozen=True)
class Build:
    """The parts of the product under audit; its own when left out, sabotaged ones in the audits' controls."""

    engine: Engine = field(default=private_sum)
    total: ClippedSum = field(default=clipped_sum)


def audit_release(
    subjects: Sequence[Subject | RootedSubject],
    *,
    build: Build | None = None,
    progress: Callable[[str], None] = lambda _step: None,
) -> list[Finding]:
    """Run every audit on every network; gradients are inverted for encoders alone, where one row is one record.

    Args:
        subjects: The networks of the release.
        build: The parts under audit.
        progress: Told what begins.
    """
    findings = []
    for subject in subjects:
        for name, audit in _audits(subject, build or Build()).items():
            progress(f"{subject.name}: {name}")
            findings.append(audit())
    return findings


def _audits(subject: Subject | RootedSubject, build: Build) -> Mapping[str, Callable[[], Finding]]:
    if isinstance(subject, RootedSubject):
        seed = int(random_words(1)[0] >> np.uint64(1))
        return {
            "deleting persons": lambda: _deleted(subject, delete_from_graph(subject, seed=seed)),
            "canaries": lambda: _canaries(subject, subject.part.plan, engine=build.engine),
            "membership": lambda: _rooted_membership(subject),
        }
    return {
        "deleting persons": lambda: _deleted(subject, delete_persons(subject, total=build.total)),
        "canaries": lambda: _canaries(subject, subject.mechanism, engine=build.engine),
        "membership": lambda: _membership(subject, build),
        "inversion": lambda: _inversion(subject, build),
    }


def _deleted(subject: Subject | RootedSubject, found: Deletions) -> Finding:
    verdict = AttackVerdict(
        attack="delete_one",
        task=subject.name,
        passed=found.violations == 0,
        bar="No person moves the clipped sum by more than the drawn examples allow, coins as they fell.",
        power="Exact for the persons deleted, who are chosen by chance; the proof covers the others.",
    )
    return Finding(verdict, {"persons": found.persons, "violations": found.violations, "worst": found.worst})


def _canaries(subject: Subject | RootedSubject, mechanism: TaskPlan, *, engine: Engine) -> Finding:
    claim, delta = subject.epsilon, subject.delta
    result = audit_with_canaries(mechanism, rounds=subject.rounds, delta=delta, engine=engine)
    needed = guesses_to_refute(claim, delta=delta)
    power = (
        f"{needed} of {GUESSES} guesses about {CANARIES} canaries would have refuted the claim."
        if needed is not None
        else f"Even {GUESSES} right guesses could only have shown epsilon {largest_provable(delta=delta):.2f}."
    )
    verdict = AttackVerdict(
        attack="canaries",
        task=subject.name,
        passed=result.epsilon_at_least <= claim,
        bar=f"The 95 % lower bound stays at or below the claim, epsilon {claim:.3f} at delta {delta:g}.",
        power=f"{power} It shows faults of the engine; that none is shown proves nothing.",
    )
    figures = {
        "epsilon_at_least": result.epsilon_at_least,
        "epsilon_claimed": claim,
        "right": result.right,
        "guesses": result.guesses,
        "right_to_refute": needed,
    }
    return Finding(verdict, figures)


def _rooted_membership(subject: RootedSubject) -> Finding:
    power = (
        "Loss threshold on the released model over every link of the country's graph, without shadow models; who took "
        "part is curation's choice, not a coin: weak evidence. Where nobody known was left out, nothing is judged; the "
        "node's own report says so."
    )
    return _told_apart(subject.name, [attack_answers(subject.answers)], power=power)


def _membership(subject: Subject, build: Build) -> Finding:
    power = (
        f"Loss threshold and likelihood ratio with {SHADOWS} shadow models, on the released model. Few examples "
        "mean wide errors, and who took part is curation's choice, not a coin: weak evidence. Where nobody known was "
        "left out, members have nobody to be told from, and nothing is judged. Whether that was so, and what models of "
        "this country alone would give away, is in the node's own report."
    )
    return _told_apart(subject.name, attack_membership(subject, engine=build.engine), power=power)


def _told_apart(name: str, found: Sequence[Membership], *, power: str) -> Finding:
    verdict = AttackVerdict(
        attack="membership",
        task=name,
        passed=all(
            one.stays_within(area=MEMBERSHIP_AREA, hits=MEMBERSHIP_HITS) for one in found if one.target == "released"
        ),
        bar=(
            f"Area under the curve at most {MEMBERSHIP_AREA}, members found at 1 % false positives at most "
            f"{MEMBERSHIP_HITS}: neither contradicted at 99.9 %."
        ),
        power=power,
    )
    figures = {
        f"{one.target}_{one.attacker}_{name}": value
        for one in found
        for name, value in (
            ("area", one.area),
            ("error", one.error),
            ("hits", one.hits),
            ("hits_error", one.hits_error),
        )
    }
    return Finding(verdict, {name: None if value != value else value for name, value in figures.items()})


def _inversion(subject: Subject, build: Build) -> Finding:
    found = attack_gradients(subject, engine=build.engine)
    alone = attack_gradients(subject, engine=build.engine, alone=True)
    verdict = AttackVerdict(
        attack="inversion",
        task=subject.name,
        passed=all(one.stays_within(area=INVERSION_AREA) for one in found)
        and all(one.is_nothing_whole for one in alone),
        bar=(
            f"Attributes: area under the curve at most {INVERSION_AREA} within a column, not contradicted at 99.9 %; "
            "no more records come out whole than by chance."
        ),
        power=(
            f"Analytic and matching attack on up to {TRIALS} unmasked updates of one round each, the label known. An "
            "attacker who also knows all other examples learns more; only the count of whole records is barred there."
        ),
    )
    figures: dict[str, float | int | None] = {}
    for among, results in (("among_others", found), ("alone", alone)):
        for one in results:
            figures |= {f"{among}_{one.attacker}_area": one.area, f"{among}_{one.attacker}_exact": one.exact}
    return Finding(verdict, figures)
