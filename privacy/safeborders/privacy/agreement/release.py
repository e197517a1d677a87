"""What the evidence of anonymity says about a model that is to be handed out for use (domain.md R-ANON, E5).

The files are what countries signed; which of them arrive is the sender's choice. So a file that speaks against the
model counts whoever shows it, and a file that speaks for it counts for its own country alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.privacy.agreement.decisions import Reason
from safeborders.privacy.agreement.evidence import AnonymityEvidence, EvidenceRefused, verify_evidence
from safeborders.privacy.agreement.standing import CLOCK_TOLERANCE

GOOD_FOR = timedelta(days=31)
"""How long evidence counts, as long as a manifest may: attacks get better, and reviewers should look again."""


@dataclass(frozen=True)
class Release:
    """A model that is to be handed out for use.

    Attributes:
        model_sha256: Of its weights.
        plan: That it was made under.
        countries: Whose records are known to be in it; each of them must have evidence.
        least: Fewest countries with evidence, for those who do not know whose records are in it.
    """

    model_sha256: str
    plan: RunPlan
    countries: frozenset[Country]
    least: int


def find_evidence_flaw(
    files: Iterable[bytes], *, release: Release, keys: Mapping[str, str], now: datetime
) -> Reason | None:
    """Return why ``files`` are no evidence that ``release`` is anonymous, or None if they are.

    Args:
        files: As they were signed; a file that nobody of ``keys`` signed counts for nobody.
        release: The model.
        keys: Node keys of the roster, hexadecimal, by party.
        now: The time.
    """
    shown = list(_believed(files, keys=keys))
    name = release.model_sha256, release.plan.sha256()
    about_it = [one for one in shown if (one.model_sha256, one.plan_sha256) == name]
    if any(not one.is_complete for one in about_it):
        return Reason.EVIDENCE_FAILED
    whole = [one for one in about_it if one.covers(release.plan)]  # a network that nobody attacked is no evidence
    have = {one.country for one in whole}
    if not release.countries <= have or len(have) < release.least:
        others = {one.country for one in shown if one not in about_it} - have
        wanted = (release.countries - have) or others
        return Reason.EVIDENCE_OTHER_MODEL if others & wanted else Reason.EVIDENCE_MISSING
    fresh = {one.country for one in whole if now - GOOD_FOR <= one.created_at <= now + CLOCK_TOLERANCE}
    return None if fresh == have else Reason.EVIDENCE_STALE


def _believed(files: Iterable[bytes], *, keys: Mapping[str, str]) -> Iterable[AnonymityEvidence]:
    for content in files:
        try:
            yield verify_evidence(content, keys=keys)
        except EvidenceRefused:
            continue
