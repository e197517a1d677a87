"""FollowTheMoney's edges as links: which two entities they join, and which of our kinds fits them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import ENDS, RelationKind, may_carry
from safeborders.node.ingest.sources.ftm_attached import Record, TypedValue, build_link, entity_of_value, value_key
from safeborders.node.ingest.sources.ftm_entities import Drop, Values, first, read_date
from safeborders.node.ingest.sources.keys import foreign_key, import_key
from safeborders.node.ingest.sources.kind_index import KindIndex

_K = EntityKind
_R = RelationKind


@dataclass(frozen=True)
class Edge:
    """How a schema joins two entities.

    Attributes:
        source: Property of the one end.
        target: Property of the other.
        kinds: What the ends are when the file does not have them.
        relation: The kind of link; None where the ends decide.
        role: The role when the file gives none.
        word: Property with the role.
    """

    source: str
    target: str
    kinds: tuple[EntityKind, EntityKind] = (_K.PERSON, _K.PERSON)
    relation: RelationKind | None = None
    role: str | None = None
    word: str = "role"


EDGES: Mapping[str, Edge] = {
    "Family": Edge("relative", "person", relation=_R.KIN, word="relationship"),
    "Associate": Edge("person", "associate", relation=_R.ASSOCIATE, word="relationship"),
    "UnknownLink": Edge("subject", "object"),
    "Employment": Edge("employee", "employer", (_K.PERSON, _K.ORGANISATION), role="employee"),
    "Membership": Edge("member", "organization", (_K.PERSON, _K.ORGANISATION)),
    "Directorship": Edge("director", "organization", (_K.PERSON, _K.ORGANISATION), role="director"),
    "Ownership": Edge("owner", "asset", (_K.PERSON, _K.VEHICLE), role="owner"),
    "Payment": Edge("payerAccount", "beneficiaryAccount", (_K.FINANCIAL_ACCOUNT, _K.FINANCIAL_ACCOUNT)),
    "Call": Edge("caller", "receiver"),
    "Message": Edge("sender", "recipients"),
    "Email": Edge("emitters", "recipients"),
    "CourtCaseParty": Edge("party", "case", (_K.PERSON, _K.CASE)),
    "Similar": Edge("candidate", "match", relation=_R.POSSIBLY_SAME, word="criteria"),
}
_OTHER_ENDS: Mapping[str, Edge] = {"Payment": Edge("payer", "beneficiary")}
"""Where a schema may name other entities than the ones we want."""

CARRIED: Mapping[str, frozenset[str]] = {
    schema: frozenset(
        {"startDate", "endDate", "date", "confidenceScore", "callerNumber", "receiverNumber"}
        | {name for edge in (edge, _OTHER_ENDS.get(schema, edge)) for name in (edge.source, edge.target, edge.word)}
    )
    for schema, edge in EDGES.items()
}
"""Properties that a link of each schema is read from."""

_BY_ENDS = {ends: kind for kind, ends in ENDS.items() if ends and kind is not _R.KIN}
_NUMBER = TypedValue(_K.PHONE, "number", {}, _R.USES)
_CHILD = "child"
_KIN: Mapping[str, str] = {
    **dict.fromkeys(("parent", "father", "mother", "stepfather", "stepmother"), "parent"),
    **dict.fromkeys(("child", "son", "daughter", "stepson", "stepdaughter"), _CHILD),
    **dict.fromkeys(("sibling", "brother", "sister", "half-brother", "half-sister"), "sibling"),
    **dict.fromkeys(("spouse", "husband", "wife", "partner"), "spouse"),
    **dict.fromkeys(("grandparent", "grandfather", "grandmother"), "grandparent"),
    **dict.fromkeys(("uncle_aunt", "uncle", "aunt"), "uncle_aunt"),
    "cousin": "cousin",
    **dict.fromkeys(
        ("in_law", "in-law", "brother-in-law", "sister-in-law", "father-in-law", "mother-in-law"), "in_law"
    ),
}
"""What the relative is to the person, by the words that are usual."""


def called_numbers(schema: str, values: Values) -> list[Record]:
    """Return the rows of the telephones that a Call names."""
    if schema != "Call":
        return []
    numbers = dict.fromkeys([*values.get("callerNumber", ()), *values.get("receiverNumber", ())])
    return [entity_of_value(_NUMBER, number) for number in numbers]


def links_of_edge(identifier: str, *, schema: str, values: Values, kinds: KindIndex, drop: Drop) -> Iterator[Record]:
    """Yield the links that an edge stands for; ``drop`` is told of an edge between what no link may join."""
    period = _period(values)
    if schema == "Call" and values.get("callerNumber") and values.get("receiverNumber"):
        source, target = (value_key(_NUMBER, values[name][0]) for name in ("callerNumber", "receiverNumber"))
        call = build_link(_R.CALLED, source=source, target=target, key=foreign_key(identifier))
        yield {**call, "properties": {"count": 1}, **period}
        return
    edge = EDGES[schema]
    if not (values.get(edge.source) and values.get(edge.target)):
        edge = _OTHER_ENDS.get(schema, edge)
    pairs = [(one, other) for one in values.get(edge.source, ()) for other in values.get(edge.target, ())]
    if not pairs:
        drop(schema)
    for number, (one, other) in enumerate(pairs):
        key = foreign_key(identifier) if number == 0 else import_key("ftm", [identifier, str(number)])
        link = _link(edge, ends=(foreign_key(one), foreign_key(other)), values=values, kinds=kinds, drop=drop)
        if link is None:
            drop(schema)
        else:
            yield {**link, "id": key, **period}


def _link(edge: Edge, *, ends: tuple[str, str], values: Values, kinds: KindIndex, drop: Drop) -> Record | None:
    source, target = ends
    pair = (kinds.find(source) or edge.kinds[0], kinds.find(target) or edge.kinds[1])
    role = first(values, edge.word)
    if edge.relation is _R.POSSIBLY_SAME:
        score = first(values, "confidenceScore")
        properties: Record = {} if score is None else {"score": _ratio(score, drop=drop)}
        return {**build_link(_R.POSSIBLY_SAME, source=source, target=target), "properties": properties}
    if edge.relation is _R.KIN:
        role, word = _KIN.get((role or "").lower()), role
        if role is None and word is not None:
            drop(edge.word)
        if role == _CHILD:
            source, target, role = target, source, "parent"
        return build_link(_R.KIN, source=source, target=target, role=role) if pair == edge.kinds else None
    relation = _BY_ENDS.get(pair)
    if relation is None:
        relation, source, target = _BY_ENDS.get(pair[::-1]), target, source
    if relation is None or source == target:
        return None
    if role is not None and not may_carry(relation, role=role):
        drop(edge.word)
        role = None
    role = role or (edge.role if may_carry(relation, role=edge.role) else None)
    return build_link(relation, source=source, target=target, role=role)


def _ratio(text: str, *, drop: Drop) -> float | None:
    """Return a confidence in [0, 1]."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0.0 <= value <= 1.0:
        return value
    drop("confidenceScore")
    return None


def _period(values: Values) -> dict[str, object]:
    since = read_date(first(values, "startDate", "date"))[0]
    until = read_date(first(values, "endDate", "date"))[0]
    own = {name: day for name, day in (("valid_from", since), ("valid_to", until)) if day is not None}
    return {"envelope": own} if own else {}
