"""Tasks about who belongs together: cases of a network, innocent hubs, wrong links, links that nobody wrote down."""

from random import Random

from safeborders.sandbox.training.casebook import CONTACTS, Casebook
from safeborders.sandbox.training.task import Task, shuffled

_MOST = 5


def one_network(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which cases belong to the network of a case?"""
    anchor, *others = book.network_cases(network)
    if not others:
        return None
    alone = {case for case, name in book.networks.items() if not name}
    decoys = shuffled(chance, alone)[:_MOST]
    kept = others[:_MOST]
    return Task(
        name="one-network",
        title="Cases that hang together",
        question=f"Which of these cases belong to the same network as `{anchor}`?",
        choices={case: book.written(case) for case in shuffled(chance, {*kept, *decoys})},
        answer=frozenset(kept),
        reason="They share suspects, numbers, vehicles or places; the others only share hubs that everybody uses.",
        cases=frozenset((anchor, *kept, *decoys)),
    )


def innocent_hubs(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which of the best connected records are innocent?"""
    touched = _touched(book, network)
    hubs = sorted(touched & set(book.hubs), key=lambda one: (-len(book.by_end[one]), one))
    suspects = {
        one
        for case in book.network_cases(network)
        for one in book.people_of(case)
        if book.role[one] not in {"victim", "witness", "professional"}
    }
    brokers = sorted(suspects, key=lambda one: (-len(book.by_end[one]), one))[:3]
    by_kind = {book.hubs[one]: one for one in reversed(hubs)}
    kept = shuffled(chance, set(by_kind.values()))[:3]
    if not kept or not brokers:
        return None
    return Task(
        name="innocent-hubs",
        title="Well connected is not guilty",
        question="These records are the best connected in your whole file. Which are innocent hubs?",
        choices={one: _connected(book, one) for one in shuffled(chance, {*kept, *brokers})},
        answer=frozenset(kept),
        reason="They are " + ", ".join(f"`{one}` a {book.hubs[one].replace('_', ' ')}" for one in kept) + ".",
        cases=frozenset(book.network_cases(network)),
    )


def wrong_link(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which recorded link is least to be trusted?"""
    inside = {one for case in book.network_cases(network) for one in book.people_of(case)}
    recorded = [link for link in book.links if link.kind in {"ASSOCIATE", "KIN"}]
    wrong = sorted(
        (link for link in recorded if link.ends in book.noise), key=lambda link: (not link.ends & inside, link.name)
    )[:1]
    true = [link for link in recorded if link.ends in book.true_ties and link.ends <= inside]
    if not wrong or len(true) < 3:
        return None
    kept = [*wrong, *chance.sample(true, min(4, len(true)))]
    chance.shuffle(kept)
    return Task(
        name="wrong-link",
        title="Grades are there to be read",
        question="One of these links between persons is a mistake. Which?",
        choices={one.name: f"`{one.source}` and `{one.target}`, {one.kind.lower()}" for one in kept},
        answer=frozenset(link.name for link in wrong),
        reason=f"Its grade is {wrong[0].grade}: an assessment that nobody could judge; nothing else joins them.",
        cases=frozenset(case for link in kept for one in link.ends for case in book.cases_of(one)[:1]),
    )


def missing_link(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which two belong together though no file says so?"""
    inside = {one for case in book.network_cases(network) for one in book.people_of(case)}
    found = [pair for pair in book.hidden if inside.issuperset(pair) and _traces(book, *pair)]
    if not found:
        return None
    pair = max(found, key=lambda one: (_traces(book, *one), one))
    strangers = []
    people = sorted(inside)
    for _ in range(200):
        first, second = chance.sample(people, 2)
        known = frozenset((first, second)) in book.true_ties | book.noise or _traces(book, first, second)
        if not known and book.true_entity[first] != book.true_entity[second]:
            strangers.append((first, second))
    kept = {"+".join(one) for one in (pair, *strangers[:3])}
    return Task(
        name="missing-link",
        title="What the file does not say",
        question="Which two most probably belong together, although the file records no link between them?",
        choices={
            one: " and ".join(book.written(record) for record in one.split("+")) for one in shuffled(chance, kept)
        },
        answer=frozenset({"+".join(pair)}),
        reason="They left traces together: calls between their phones, a common place, vehicle or account.",
        cases=frozenset(book.network_cases(network)),
    )


def _traces(book: Casebook, first: str, second: str) -> int:
    """Return how many things two persons share and how many calls, contacts or payments join their things."""
    mine, theirs = book.things_of(first), book.things_of(second)
    hubs = set(book.hubs)
    joined = {link.name for thing in mine for link in book.by_end[thing] if link.ends - {thing} <= theirs}
    return len((mine & theirs) - hubs) + len(joined)


def _touched(book: Casebook, network: str) -> set[str]:
    """Return the people of the network's cases, what they hold, and whom their things contacted."""
    people = {one for case in book.network_cases(network) for one in book.people_of(case)}
    things = {thing for one in people for thing in book.things_of(one)}
    contacted = {link.target for thing in things for link in book.by_end[thing] if link.kind in CONTACTS}
    return people | things | contacted


def _connected(book: Casebook, record: str) -> str:
    return f"{book.kind(record).replace('_', ' ')}, {book.written(record)}, {len(book.by_end[record])} links"
