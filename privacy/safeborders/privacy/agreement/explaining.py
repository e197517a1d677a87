"""An agreement in plain language for one party: what it may send to whom, why, under which clause and conditions."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.privacy.agreement.conditions import Conditions, Evidence
from safeborders.privacy.agreement.errors import TermsUnreadable
from safeborders.privacy.agreement.terms import EVERY_COUNTRY, Agreement, Grant
from safeborders.privacy.agreement.ways import find_closing_party, is_strict


@dataclass(frozen=True)
class Permission:
    """One thing that a party may send or receive.

    Attributes:
        clause: The grant.
        material: M1 to M7.
        what: The material in words.
        others: Parties at the other end.
        purposes: In words, with their codes.
        conditions: One sentence each; all must hold.
        closed: Parties that the grant names and the strict third-country profile closes off.
    """

    clause: str
    material: str
    what: str
    others: tuple[str, ...]
    purposes: tuple[str, ...]
    conditions: tuple[str, ...]
    closed: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """What an agreement means for one party."""

    agreement: str
    version: int
    sha256: str
    party: str
    first_day: str
    last_day: str
    sends: tuple[Permission, ...]
    receives: tuple[Permission, ...]
    never: tuple[str, ...]

    def as_document(self) -> dict[str, object]:
        """Return the same for machines."""
        return asdict(self)


def explain(agreement: Agreement, *, party: str) -> Explanation:
    """Return what ``agreement`` lets ``party`` send and receive.

    Raises:
        TermsUnreadable: If it is no party.
    """
    if party not in agreement.party_names:
        raise TermsUnreadable(f"{party} is no party of this agreement: name one of {', '.join(agreement.party_names)}.")
    return Explanation(
        agreement=agreement.id,
        version=agreement.version,
        sha256=agreement.sha256(),
        party=party,
        first_day=agreement.term.first.isoformat(),
        last_day=agreement.term.last.isoformat(),
        sends=tuple(_permissions(agreement, party=party, is_sender=True)),
        receives=tuple(_permissions(agreement, party=party, is_sender=False)),
        never=(
            "Raw records (M8): no agreement can grant them.",
            "Anything that another party provided, passed on to a third.",
            "Anything that is not listed above.",
        ),
    )


def _permissions(agreement: Agreement, *, party: str, is_sender: bool) -> Iterator[Permission]:
    for grant in agreement.grants:
        ways = [(party, name) if is_sender else (name, party) for name in agreement.party_names]
        granted = [way for way in ways if grant.covers(sender=way[0], recipient=way[1])]
        closing = [find_closing_party(agreement, grant.material, sender=way[0], recipient=way[1]) for way in granted]
        others = tuple(way[is_sender] for way, by in zip(granted, closing, strict=True) if by is None)
        closed = tuple(way[is_sender] for way, by in zip(granted, closing, strict=True) if by is not None)
        if granted:
            yield Permission(
                clause=grant.clause,
                material=grant.material.value,
                what=grant.material.words,
                others=_shorten(others, agreement=agreement, party=party, grant=grant),
                purposes=tuple(f"{agreement.purposes[code]} ({code})" for code in grant.purposes),
                conditions=(*sentences(grant.conditions), *_strict_sentences(agreement, grant.material, party)),
                closed=closed,
            )


def _shorten(others: tuple[str, ...], *, agreement: Agreement, party: str, grant: Grant) -> tuple[str, ...]:
    countries = {name for name in agreement.party_names if name not in {COORDINATOR, party}}
    is_every = (EVERY_COUNTRY,) in {grant.senders, grant.recipients} and set(others) == countries
    return ("every other country",) if is_every else others


def sentences(conditions: Conditions) -> tuple[str, ...]:
    """Return each condition as a sentence."""
    return tuple(_sentences(conditions))


def _sentences(conditions: Conditions) -> Iterator[str]:
    if (dp := conditions.dp) is not None:
        yield (
            f"Noise protects every {dp.unit}: all releases together cost at most "
            f"epsilon {dp.epsilon_max_total} at delta {dp.delta_max}."
        )
    if conditions.dp is not None and conditions.dp.clip_required:
        yield "What one example can add is clipped."
    if (secagg := conditions.secagg) is not None:
        masks = "Secure aggregation hides each country's part" if secagg.required else "Masks are not required"
        yield f"{masks}; at least {secagg.min_cohort} countries take part."
    if conditions.anonymity_evidence is Evidence.REQUIRED:
        yield "No model for use without the evidence of anonymity; the rounds of a run work on it without."
    if conditions.anonymity_evidence is Evidence.PERSONAL_DATA:
        yield "The model is treated as personal data."
    if conditions.min_count is not None:
        yield f"No figure about fewer than {conditions.min_count} persons."
    yield from _about_persons(conditions)
    yield from _about_time(conditions)


def _about_persons(conditions: Conditions) -> Iterator[str]:
    if conditions.subject_categories is not None:
        yield f"Only persons recorded as {', '.join(conditions.subject_categories)}."
    if conditions.exclude:
        yield f"Never a {', a '.join(conditions.exclude)}."
    if conditions.handling_max is not None:
        yield f"Handling code at most {conditions.handling_max}; H2 and H3 never."


def _about_time(conditions: Conditions) -> Iterator[str]:
    if conditions.retention is not None:
        yield f"The recipient deletes it after {in_words(conditions.retention)}."
    if conditions.ttl is not None:
        yield f"It is good for {in_words(conditions.ttl)}."
    if conditions.queries_per_day is not None:
        yield f"At most {conditions.queries_per_day} queries a day."


def _strict_sentences(agreement: Agreement, material: Material, party: str) -> Iterator[str]:
    if not is_strict(agreement, party):
        return
    if material is Material.UPDATE:
        yield "Third country without an instrument: only under masks, whatever else is agreed."
    if material is Material.MODEL:
        yield "Third country without an instrument: only with the evidence of anonymity."


def in_words(period: str) -> str:
    """Return an ISO 8601 period in words: ``P30D`` is 30 days."""
    number = int("".join(letter for letter in period if letter.isdigit()))
    unit = {"Y": "year", "D": "day", "H": "hour"}[period[-1]]
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
