"""Tasks about the children and their cases: who is victim and suspect, what that means, how a case was committed."""

from random import Random

from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.training.casebook import Casebook
from safeborders.sandbox.training.task import Task, near, shuffled

_VICTIM = frozenset({"victim_presumed", "victim_confirmed"})


def victim_and_suspect(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which child is victim and suspect?"""
    held = {one: {category for category, _, _ in statuses} for one, statuses in book.statuses.items()}
    dual = near(book, network, records=[one for one, all_ in held.items() if "suspect" in all_ and all_ & _VICTIM])
    if not dual:
        return None
    child = dual[0]
    others = [
        one for one in near(book, network, records=list(held)) if one not in dual and book.role.get(one) == "victim"
    ][:4]
    return Task(
        name="victim-and-suspect",
        title="A child on both lists",
        question="One of these children stands on the list of suspects and on that of victims. Which?",
        choices={one: book.written(one) for one in shuffled(chance, {child, *others})},
        answer=frozenset({child}),
        reason="See `statuses.csv`: first recorded as a suspect, later recognised as a victim of forced criminality.",
        cases=frozenset(case for one in (child, *others) for case in book.cases_of(one)[:1]),
    )


def what_counts(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """As what is such a child treated?"""
    if victim_and_suspect(book, network, chance=chance) is None:
        return None
    return Task(
        name="what-counts",
        title="Non-punishment",
        question="As what must the node treat the child of the task before, in every list and every model?",
        choices=dict.fromkeys(shuffled(chance, {"victim", "suspect", "both"}), ""),
        answer=frozenset({"victim"}),
        reason="A victim in any case of the country is a victim everywhere (Directive 2011/36/EU, article 8).",
        cases=frozenset(),
    )


def case_type(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which of the eight types is a case?"""
    cases = [case for case in book.network_cases(network) if book.types[case] in set(CaseType)]
    known = {case: sum(value is not None for value in book.indicators[case].values()) for case in cases}
    if not known:
        return None
    case = chance.choice(sorted(known, key=lambda one: (-known[one], one))[:3])
    return Task(
        name="case-type",
        title="How was it done?",
        question=f"Which of the eight case types is `{case}`? Read its row in `indicators.csv`; empty means unknown.",
        choices=dict.fromkeys((one.value for one in CaseType), ""),
        answer=frozenset({book.types[case]}),
        reason="Present indicators point to it; what nobody recorded speaks neither for nor against it.",
        cases=frozenset({case}),
    )
