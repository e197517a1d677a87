"""Writes the cases of a network, or of nobody's network, into a country's register."""

from datetime import date, timedelta

from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.chance import day_between, days, geometric
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.episodes import write_episodes
from safeborders.sandbox.world.families import Families
from safeborders.sandbox.world.hubs import Hubs
from safeborders.sandbox.world.indicators import IndicatorWriter
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.risk import case_risk
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.statements import Statements
from safeborders.sandbox.world.traces import Tracer
from safeborders.sandbox.world.truth import CaseRisk, CaseTruth, Cell, Individual, Network, Selector, Tie

_CONTACT_AGES = (16, 70)
_OFTEN_THE_FIRST = 2.2  # ours: how much more often the first members are seen; calibrates the graphs of domain.md 2.3
_PHONE_DAYS = 12 * 365  # domain.md 6.2: phones of victims from twelve years on
_FAMILY_TYPES = frozenset({CaseType.T2, CaseType.T3, CaseType.T7})
_FORGED = {CaseType.T5: 0.5, CaseType.T8: 0.4, CaseType.T7: 0.25}
_AGAIN = 0.15  # a network's victim who turns up in a later case of it


class CaseWriter:
    """Writes cases into the register of one country."""

    def __init__(
        self, register: Register, creator: Creator, numbers: Numbers, *, indicators: IndicatorWriter, hubs: Hubs
    ) -> None:
        self.truth: list[CaseTruth] = []
        self.risks: list[CaseRisk] = []
        self._register = register
        self._creator = creator
        self._numbers = numbers
        self._indicators = indicators
        self._hubs = hubs
        self._statements = Statements(register, numbers)
        self._tracer = Tracer(register, creator, numbers.evidence)
        self._families = Families(register, creator, numbers.families)
        self._chance = register.chance

    def write_cell(self, cell: Cell, network: Network) -> None:
        """Write all cases of a network's cell, then who in it belongs together."""
        chance = self._chance
        firm = self._creator.organisation(network.firm) if network.firm else None
        for number in range(cell.cases):
            opened = day_between(chance, (network.active[0] + timedelta(days=60), network.active[1]))
            mixed = self._mixed(network)
            scene = self._open(network, opened, mixed)
            scene.suspects = self._suspects(cell, on=opened)
            must = cell.seen[number :: cell.cases]
            scene.suspects += [one for one in dict.fromkeys(must) if one not in scene.suspects]
            self._add_victims(scene, cell, network)
            self._add_contacts(scene, cell, network)
            self._write_parties(scene, network, firm)
            write_episodes(self._register, self._creator, scene=scene, cell=cell, numbers=self._numbers)
            self._tracer.trace_strangers(scene.people, cell.ties, since=opened)
            self._hubs.attend(scene)
            self._families.note(scene)
            self.risks.append(case_risk(self._chance, scene, network=network, numbers=self._numbers))
        known = [tie for tie in cell.ties if {tie.first.key, tie.second.key} <= self._register.records.keys()]
        for tie in known:
            self._register.tie(tie)
        self._tracer.trace_ties(known, case_type=network.case_type)

    def _mixed(self, network: Network) -> CaseType | None:
        alone = 1.0 - self._numbers.networks.linked_cases  # only these may be atypical, and 4 % of all cases are
        if network.name or self._chance.random() >= self._numbers.atypical / alone:
            return None
        others = [one for one in CaseType if one is not network.case_type]
        return self._chance.choice(others)

    def _open(self, network: Network, opened: date, mixed: CaseType | None) -> Scene:
        chance, register = self._chance, self._register
        case = self._statements.write_case(opened, case_type=None if mixed else network.case_type)
        values = self._indicators.draw(chance, network.case_type, mixed_with=mixed)
        register.statements.append({"record": "indicators", "case": case, "values": values})
        label = "atypical" if mixed else network.case_type.value
        self.truth.append(CaseTruth(case=case, case_type=label, network=network.name, country=register.country))
        if network.name:
            self._statements.label_network(case, network.name, on=opened)
        abroad = values["mov.cross_border"] is True
        return Scene(case=case, opened=opened, case_type=network.case_type, suspects=[], abroad=abroad)

    def _suspects(self, cell: Cell, *, on: date) -> list[Individual]:
        """Return some members who know each other, the older members more often."""
        chance = self._chance
        wanted = min(len(cell.members), 1 + geometric(chance, mean=self._numbers.per_case.more_suspects))
        first = cell.members[int(len(cell.members) * chance.random() ** _OFTEN_THE_FIRST)]
        picked = [first]
        friends: dict[str, list[Individual]] = {}
        for tie in cell.ties:
            friends.setdefault(tie.first.key, []).append(tie.second)
            friends.setdefault(tie.second.key, []).append(tie.first)
        for one in picked:
            near = [friend for friend in friends.get(one.key, ()) if friend not in picked]
            near = [friend for friend in near if friend.role not in {CaseRole.VICTIM, CaseRole.WITNESS}]
            chance.shuffle(near)
            picked.extend(near[: wanted - len(picked)])
            if len(picked) >= wanted:
                break
        return picked + self._leader(cell, picked, on=on)

    def _leader(self, cell: Cell, picked: list[Individual], *, on: date) -> list[Individual]:
        """Return one of the first two of a larger group, to whom a suspect of the case and two contacts report."""
        numbers, chance = self._numbers.networks, self._chance
        if len(cell.members) < numbers.led_from or chance.random() >= numbers.led_cases:
            return []
        leader = chance.choice(cell.members[:2])
        reporting = [picked[0], *chance.sample(cell.contacts, min(2, len(cell.contacts)))]
        for one in reporting:
            known = any({tie.first.key, tie.second.key} == {leader.key, one.key} for tie in cell.ties)
            if one is not leader and not known:
                cell.ties.append(Tie(leader, one, on - days(chance, median=180)))
        return [] if leader in picked else [leader]

    def _add_victims(self, scene: Scene, cell: Cell, network: Network) -> None:
        chance, numbers, case_type = self._chance, self._numbers.per_case, scene.case_type
        family = case_type in _FAMILY_TYPES
        for _ in range(1 + geometric(chance, mean=numbers.more_victims[case_type])):
            if cell.victims and chance.random() < _AGAIN:
                victim = chance.choice(cell.victims)
                if victim not in scene.victims:
                    scene.victims.append(victim)
                continue
            head = scene.suspects[0] if family and chance.random() < 0.5 else None
            victim = self._creator.individual(
                CaseRole.VICTIM,
                ages=numbers.victim_ages[case_type],
                on=scene.opened,
                women=numbers.girls[case_type],
                family=head,
            )
            victim.network = network.name
            self._families.maybe_namesake(scene, victim)
            if (scene.opened - victim.born).days >= _PHONE_DAYS:
                self._creator.equip(victim, phones=numbers.phones["victim"])
            since = scene.opened - days(chance, median=180)
            recruiter = head or chance.choice(scene.suspects)
            cell.ties.append(Tie(recruiter, victim, since, "uncle_aunt" if head else ""))
            if head is not None:
                self._families.maybe_family_phone(scene, victim, elder=head)
            if chance.random() < 0.5 and len(scene.suspects) > 1:
                cell.ties.append(Tie(chance.choice(scene.suspects), victim, since, close=False))
            siblings = family and chance.random() < 0.5
            for other in scene.victims:
                if chance.random() < numbers.fellow_victims:
                    cell.ties.append(Tie(other, victim, since, "sibling" if siblings else "", close=False))
            scene.victims.append(victim)
            cell.victims.append(victim)
            if family:
                self._families.maybe_sibling(scene, victim, cell=cell)

    def _add_contacts(self, scene: Scene, cell: Cell, network: Network) -> None:
        chance, numbers = self._chance, self._numbers.per_case
        low, high = numbers.contacts
        for _ in range(low + int(chance.random() * (high - low + 1))):
            if cell.contacts and chance.random() < 0.35:
                scene.contacts.append(chance.choice(cell.contacts))
                continue
            witness = chance.random() < 0.6
            contact = self._creator.individual(
                CaseRole.WITNESS if witness else CaseRole.FACILITATOR,
                ages=_CONTACT_AGES,
                on=scene.opened,
                women=0.45,
            )
            contact.network = "" if witness else network.name
            self._families.maybe_namesake(scene, contact)
            self._creator.equip(contact, phones=numbers.phones["contact"])
            since = scene.opened - days(chance, median=300)
            known = chance.choice(scene.victims if witness else scene.suspects)
            if not witness or chance.random() < 0.5:
                cell.ties.append(Tie(known, contact, since, "parent" if witness and chance.random() < 0.3 else ""))
            if not witness:
                self._befriend(contact, known, cell=cell, since=since)
            scene.contacts.append(contact)
            cell.contacts.append(contact)

    def _befriend(self, contact: Individual, known: Individual, *, cell: Cell, since: date) -> None:
        """Let a facilitator know some of those whom the first acquaintance knows."""
        friends = [
            tie.second if tie.first is known else tie.first for tie in cell.ties if known in (tie.first, tie.second)
        ]
        cell.ties += [
            Tie(friend, contact, since, close=False)
            for friend in friends[:6]
            if friend is not contact and self._chance.random() < self._numbers.networks.closure
        ]

    def _write_parties(self, scene: Scene, network: Network, firm: Selector | None) -> None:
        register, chance = self._register, self._chance
        for one in dict.fromkeys(scene.people):
            record = register.person(one, since=scene.opened)
            role = one.role or CaseRole.WITNESS
            register.link(RelationKind.PARTY_TO, (record, scene.case), role=role.value, valid_from=scene.opened)
            self._statements.write_status(record, one, case=scene.case, on=scene.opened, case_type=scene.case_type)
            if firm and role in {CaseRole.VICTIM, CaseRole.EXPLOITER} and chance.random() < 0.6:
                job = "director" if role is CaseRole.EXPLOITER else "employee"
                register.hold(one, firm, since=scene.opened, role=job)
            forged = _FORGED.get(scene.case_type, 0.0) if role is CaseRole.VICTIM else 0.0
            asked = role not in {CaseRole.WITNESS, CaseRole.PROFESSIONAL} and not one.documents
            if asked and chance.random() < max(forged, self._numbers.per_case.document):
                one.documents.append(self._creator.document(forged=chance.random() < (forged or 0.1)))
                register.hold(one, one.documents[0], since=scene.opened)
            self._cover_doubles(one, scene, role)

    def _cover_doubles(self, one: Individual, scene: Scene, role: CaseRole) -> None:
        """Let every double of a person stand in at least one case: it came from somebody's report."""
        for record in self._register.records[one.key][1:]:
            if record not in self._register.categories:
                ends = (record, scene.case)
                self._register.link(RelationKind.PARTY_TO, ends, role=role.value, valid_from=scene.opened)
                self._statements.write_status(record, one, case=scene.case, on=scene.opened, case_type=scene.case_type)
