"""Tasks about who is who: one person with two records, two persons who look like one, numbers and who used them."""

from random import Random

from safeborders.sandbox.training.casebook import Casebook
from safeborders.sandbox.training.task import Task, near, shuffled

_DECOYS = 4


def same_person(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which candidate is the same human being?"""
    doubled = [names[0] for names in book.records.values() if len(names) > 1 and book.cases_of(names[0])]
    doubled = [one for one in near(book, network, records=doubled) if book.role[one] != "professional"]
    if not doubled:
        return None
    main = doubled[0]
    doubles = set(book.records[book.true_entity[main]][1:])
    alike = {
        pair["second"] if pair["first"] == main else pair["first"]
        for pair in book.look_alikes
        if main in (pair["first"], pair["second"]) and pair["kind"] in {"twins", "siblings", "namesakes"}
    }
    sex, born = (book.entities[main][1][name] for name in ("sex", "birth_date"))
    similar = [
        one
        for one, (kind, properties) in book.entities.items()
        if kind == "person" and properties["birth_date"][:4] == born[:4] and properties["sex"] == sex
    ]
    word = set(book.written(main).split())
    similar = [one for one in similar if one not in {main, *doubles, *alike}]
    similar.sort(key=lambda one: (-len(word & set(book.written(one).split())), one))
    decoys = {*sorted(alike)[:_DECOYS], *similar[: _DECOYS - len(alike)]}
    choices = {one: _described(book, one) for one in shuffled(chance, doubles | decoys)}
    return Task(
        name="same-person",
        title="One human being, two records",
        question=f"Record `{main}` is **{_described(book, main)}**. Which candidates are the same human being?",
        choices=choices,
        answer=frozenset(doubles),
        reason="The other candidates share a name or a year of birth, not things, cases or acquaintances.",
        cases=frozenset(case for one in (main, *choices) for case in book.cases_of(one)[:2]),
    )


def one_or_two(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Are twins, siblings or namesakes one person, and is a double?"""
    doubled = [names for names in book.records.values() if len(names) > 1 and book.role[names[0]] != "professional"]
    if doubled and chance.random() < 0.5:
        firsts = near(book, network, records=[names[-2] for names in doubled])
        names = next(names for names in doubled if names[-2] == firsts[0])
        return _merge_or_not(book, (names[-2], names[-1]), chance=chance, answer="one")
    pairs = [pair for pair in book.look_alikes if pair["kind"] in {"twins", "namesakes", "siblings"}]
    order = {"twins": 0, "namesakes": 1, "siblings": 2}
    pairs.sort(key=lambda pair: order[pair["kind"]])
    if not pairs:
        return None
    firsts = near(book, network, records=[pair["first"] for pair in pairs if pair["kind"] == pairs[0]["kind"]])
    pair = next(one for one in pairs if one["first"] == firsts[0])
    return _merge_or_not(book, (pair["first"], pair["second"]), chance=chance, answer="two")


def whose_number(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Who uses a number that somebody else wrote differently?"""
    inside = {one for case in book.network_cases(network) for one in book.people_of(case)}
    shared = {}
    for person in sorted(inside):
        for thing in sorted(book.things_of(person)):
            users = {link.source for link in book.holders(thing)}
            if book.kind(thing) == "phone" and thing not in book.hubs and 1 < len(users) <= 4 and users <= inside:
                shared[thing] = users
    if not shared:
        return None
    phone = min(shared, key=lambda one: (abs(len(shared[one]) - 2), one))
    decoys = shuffled(chance, inside - shared[phone])[:_DECOYS]
    digits = "".join(one for one in book.written(phone) if one.isdigit())
    said = f"…{digits[-7:-4]} {digits[-4:-2]} {digits[-2:]}"
    return Task(
        name="whose-number",
        title="One number, several hands",
        question=f"An intercepted note names a number that ends in **{said}**. Which persons use it?",
        choices={one: _described(book, one) for one in shuffled(chance, shared[phone] | set(decoys))},
        answer=frozenset(shared[phone]),
        reason=f"It is `{phone}`, which the file writes as {book.written(phone)}; see `things.csv`.",
        cases=frozenset(book.network_cases(network)),
    )


def numbers_that_link(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which numbers link their users, and which were given out again?"""
    recycled = {pair["through"] for pair in book.look_alikes if pair["kind"] == "recycled_phone"}
    recycled = {one for one in recycled if len({link.source for link in book.holders(one)}) == 2}
    true = set()
    for thing, (kind, _) in book.entities.items():
        users = {book.true_entity[link.source] for link in book.holders(thing)} if kind == "phone" else set()
        records = [link.source for link in book.holders(thing)] if len(users) == 2 else []
        if len(set(records)) == 2 and frozenset(records) in book.true_ties and thing not in recycled | set(book.hubs):
            true.add(thing)
    if not recycled or not true:
        return None
    kept = [*shuffled(chance, true)[:2], *shuffled(chance, recycled)[:2]]
    both = [link.source for phone in kept for link in book.holders(phone)]
    return Task(
        name="numbers-that-link",
        title="Numbers are given out again",
        question="Each of these numbers had two users. Which numbers say that their two users know each other?",
        choices={phone: _users(book, phone) for phone in shuffled(chance, set(kept))},
        answer=frozenset(kept) & true,
        reason="A recycled number lies idle for half a year or more between its users; a shared one has users at once.",
        cases=frozenset(case for one in both for case in book.cases_of(one)[:1]),
    )


def _merge_or_not(book: Casebook, pair: tuple[str, str], *, chance: Random, answer: str) -> Task:
    first, second = pair
    reasons = {
        "one": "They share things or cases; spelling, script and half a birth date are what clerks make of one person.",
        "two": "What twins, siblings and namesakes share (a name, a date, a home) is what families and chance share.",
    }
    return Task(
        name="one-or-two",
        title="Look before you merge",
        question=(
            f"A clerk wants to merge `{first}` ({_described(book, first)}) and `{second}` "
            f"({_described(book, second)}). How many human beings are they?"
        ),
        choices=dict.fromkeys(("one", "two"), ""),
        answer=frozenset({answer}),
        reason=reasons[answer],
        cases=frozenset((*book.cases_of(first)[:1], *book.cases_of(second)[:1])),
    )


def _described(book: Casebook, record: str) -> str:
    properties = book.entities[record][1]
    born = properties["birth_date"] if properties["birth_precision"] == "day" else properties["birth_date"][:4]
    return f"{properties['name']}, {properties['sex']}, born {born}"


def _users(book: Casebook, phone: str) -> str:
    return book.written(phone) + ": " + " and ".join(f"`{link.source}`" for link in book.holders(phone))
