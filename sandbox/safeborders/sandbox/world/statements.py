"""What humans said about cases and persons: files, statuses, labels; some of it wrong."""

from datetime import date, timedelta
from random import Random

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.roles import NOT_OFFENDING, CaseRole
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.chance import stream
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.truth import Individual

_CATEGORIES = {
    CaseRole.VICTIM: ("victim_presumed", "victim_confirmed", 0.4),
    CaseRole.WITNESS: ("witness", "contact_associate", 0.4),
    CaseRole.FACILITATOR: ("contact_associate", "suspect", 0.3),
    CaseRole.PROFESSIONAL: ("professional", "professional", 0.0),
}
_SUSPECTED = ("suspect", "convicted", 0.2)
_MAJORITY_DAYS = 18 * 365
_OFFENCE = "0204"  # ICCS: trafficking in persons


class Statements:
    """Writes what people decided into one country's register."""

    def __init__(self, register: Register, numbers: Numbers) -> None:
        self._register = register
        self._numbers = numbers
        self._chance = register.chance

    def write_case(self, opened: date, *, case_type: CaseType | None) -> str:
        """Write the file of a case; three in ten get a type from a human, and one in twenty of these is wrong."""
        chance, register = self._chance, self._register
        closed = opened + timedelta(days=200 + int(chance.random() * 700))
        properties: dict[str, object] = {
            "ref": f"{register.country.value.upper()}-{opened.year}-{int(chance.random() * 1e6):06d}",
            "case_kind": chance.choices(("investigation", "referral", "judicial"), weights=(0.7, 0.2, 0.1))[0],
            "status": "closed" if closed <= self._numbers.dates.last else "active",
            "opened_on": opened.isoformat(),
            "offence_code": _OFFENCE,
        }
        if closed <= self._numbers.dates.last:
            properties["closed_on"] = closed.isoformat()
        labelled = chance.random() < self._numbers.labels.type
        if labelled and case_type is not None:
            wrong = chance.random() < self._numbers.labels.wrong
            others = [one for one in CaseType if one is not case_type]
            properties["type_label"] = (chance.choice(others) if wrong else case_type).value
        return register.add(EntityKind.CASE, properties, envelope={"valid_from": opened.isoformat()})

    def label_network(self, case: str, network: str, *, on: date) -> None:
        """Let a human say which network a case belongs to, for some cases, sometimes wrongly."""
        if self._chance.random() < self._numbers.labels.network:
            wrong = self._chance.random() < self._numbers.labels.wrong
            other = f"N{int(network[1:]) % 7 + int(self._chance.random() * 90) + 1:04d}"
            self._label(case, name="network", value=other if wrong and other != network else network, on=on)

    def write_status(self, record: str, one: Individual, *, case: str, on: date, case_type: CaseType) -> None:
        """Write a person's category when first met, and for some of the suspects the part that they play."""
        register, chance = self._register, self._chance
        if record in register.categories:
            return
        role = one.role or CaseRole.WITNESS
        first, second, share = _CATEGORIES.get(role, _SUSPECTED)
        category = second if chance.random() < share else first
        minor = role is CaseRole.VICTIM and (on - one.born).days < _MAJORITY_DAYS
        if minor and case_type is CaseType.T3 and chance.random() < self._numbers.dual_status:
            # Taken for an offender first, recognised as a victim some weeks later.
            category = first
            self._status(record, "suspect", case=case, on=on - timedelta(days=30 + int(chance.random() * 60)))
        register.categories[record] = category
        self._status(record, category, case=case, on=on)
        if role is CaseRole.FACILITATOR and category == "suspect":
            # A stream of their own: whether they are labelled moves nothing else in the world.
            self._label_role(record, role, case=case, on=on, chance=stream(0, "role", record))
        elif role not in _CATEGORIES:
            self._label_role(record, role, case=case, on=on, chance=chance)

    def _label_role(self, record: str, role: CaseRole, *, case: str, on: date, chance: Random) -> None:
        """Let a human say which part some suspects play, sometimes wrongly."""
        if chance.random() < self._numbers.labels.role:
            wrong = chance.random() < self._numbers.labels.wrong
            others = [one for one in CaseRole if one is not role and one not in NOT_OFFENDING]
            said = chance.choice(others) if wrong else role
            self._label(record, name="role", value=said.value, on=on, case=case)

    def _status(self, record: str, category: str, *, case: str, on: date) -> None:
        self._register.statements.append(
            {
                "record": "status",
                "person": record,
                "case": case,
                "category": category,
                "decided_by": "court_or_prosecution" if category == "convicted" else "police",
                "valid_from": on.isoformat(),
            }
        )

    def _label(self, entity: str, *, name: str, value: str, on: date, case: str | None = None) -> None:
        row: dict[str, object] = {"record": "label", "name": name, "value": value, "entity": entity}
        if case:
            row["case"] = case
        self._register.statements.append({**row, "labelled_on": on.isoformat()})
