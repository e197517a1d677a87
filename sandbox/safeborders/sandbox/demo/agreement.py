"""The nine countries of the demonstration agree: a roster, an agreement that all sign, and a manifest for the run.

Every key is made where it would be made; signatures pass through this function as the documents would pass by post.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.signing import load_signing_key
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR, Prohibition
from safeborders.models.protocol.keycard import parse_card
from safeborders.models.protocol.roster import draft_roster, read_roster, roster_fingerprint, sign_roster
from safeborders.node.bootstrap import build_cabinet
from safeborders.node.commands.agreement import countersign_for, issue_node_card
from safeborders.node.opening import open_node_store
from safeborders.privacy.agreement.signing import draft, sign
from safeborders.privacy.agreement.source import parse_source
from safeborders.privacy.agreement.terms import Agreement, is_third_country
from safeborders.sandbox.demo.layout import DELTA_CAP, FEDERATION, FLOOR, Layout
from safeborders.sandbox.demo.programs import Programs

_DAYS = 30


@dataclass(frozen=True)
class Documents:
    """Where the demonstration keeps what it signs.

    Args:
        folder: Of the documents.
    """

    folder: Path

    @property
    def roster(self) -> Path:
        """The roster of keys."""
        return self.folder / "roster.json"

    @property
    def source(self) -> Path:
        """The agreement as people write it."""
        return self.folder / "agreement.yaml"

    @property
    def agreement(self) -> Path:
        """The agreement as it is signed."""
        return self.folder / "agreement.json"

    @property
    def manifest(self) -> Path:
        """The run's manifest."""
        return self.folder / "manifest.json"


def agree(layout: Layout, programs: Programs) -> str:
    """Let all parties sign roster and agreement and keep them; return the agreement's hash."""
    documents = Documents(layout.folder / "agreement")
    documents.folder.mkdir()
    nodes = {country: load_settings(layout.node_profile(country), NodeSettings) for country in layout.countries}
    fingerprint = _sign_roster(layout, programs, nodes=nodes, documents=documents)
    agreement = _sign_agreement(layout, programs, nodes=nodes, documents=documents)
    for settings in nodes.values():
        store, now = open_node_store(settings), system_clock()
        cabinet = build_cabinet(store)
        cabinet.trust_first_roster(documents.roster.read_bytes(), fingerprint=fingerprint, now=now)
        cabinet.adopt(documents.agreement.read_bytes(), now=now)
        store.close()
    command = ["coordinator", "agreement", "roster", *_profile(layout), str(documents.roster)]
    programs.finish("roster", [*command, "--fingerprint", fingerprint], log=layout.log("roster"))
    command = ["coordinator", "agreement", "adopt", *_profile(layout), str(documents.agreement)]
    programs.finish("agreement", command, log=layout.log("agreement"))
    return agreement.sha256()


def start_covered_run(layout: Layout, programs: Programs) -> str:
    """Let two countries sign the planned manifest, start the run, and return its name."""
    documents = Documents(layout.folder / "agreement")
    content = documents.manifest.read_bytes()
    for country in layout.countries[:2]:
        settings = load_settings(layout.node_profile(country), NodeSettings)
        store = open_node_store(settings)
        content = countersign_for(settings, build_cabinet(store), content)
        store.close()
    documents.manifest.write_bytes(content)
    command = ["coordinator", "start", *_profile(layout), str(documents.manifest)]
    return programs.finish("start", command, log=layout.log("start")).strip().splitlines()[-1]


def _sign_roster(
    layout: Layout, programs: Programs, *, nodes: Mapping[Country, NodeSettings], documents: Documents
) -> str:
    card = documents.folder / "coordinator.card.json"
    command = ["coordinator", "agreement", "keys", *_profile(layout), "--out", str(card)]
    programs.finish("keys", command, log=layout.log("keys"))
    cards = [parse_card(content) for content in (*map(issue_node_card, nodes.values()), card.read_bytes())]
    content = draft_roster(
        FEDERATION,
        members={one.party: one.keys() for one in cards},
        version=1,
        expires_at=system_clock() + timedelta(days=_DAYS),
    )
    for settings in nodes.values():
        content = sign_roster(content, key=load_signing_key(settings.places.agreement_key))
    documents.roster.write_bytes(content)
    return roster_fingerprint(read_roster(content))


def _sign_agreement(
    layout: Layout, programs: Programs, *, nodes: Mapping[Country, NodeSettings], documents: Documents
) -> Agreement:
    text = yaml.safe_dump(_terms(layout.countries, epsilon=_cap_of(nodes)), sort_keys=False, allow_unicode=True)
    documents.source.write_text(text, encoding="utf-8")
    agreement = parse_source(text)
    content = draft(agreement)
    for settings in nodes.values():
        content = sign(content, key=load_signing_key(settings.places.agreement_key))
    documents.agreement.write_bytes(content)
    key = load_settings(layout.coordinator_profile, CoordinatorSettings).places.agreement_key
    command = ["agreement", "sign", str(documents.agreement), "--key", str(key)]
    programs.finish("sign", command, log=layout.log("sign"))
    return agreement


def _terms(countries: tuple[Country, ...], *, epsilon: float) -> dict[str, Any]:
    """Return the demonstration's agreement: updates under masks, models as personal data; nobody in it is real."""
    today = system_clock().date()
    return {
        "mta_version": 1,
        "id": "mta-demonstration",
        "version": 1,
        "parent": None,
        "federation": FEDERATION,
        "parties": [*(_party(country.value) for country in countries), {**_party(COORDINATOR), "role": "processor"}],
        "purposes": {"P1": "typology", "P2": "network identification"},
        "grants": _grants(epsilon),
        "prohibited": [one.value for one in Prohibition],
        "onward_transfer": {"allowed": False},
        "third_countries": {country.value: _instrument() for country in countries if is_third_country(country.value)},
        "breach_notice_hours": 24,
        "audit": {"log_export_days": 30},
        "term": {"from": today - timedelta(days=1), "to": date(2099, 12, 31)},
        "termination": {"by": "any_party", "notice_days": 30, "immediate_on": ["breach", "adequacy_loss"]},
        "publication": {"aggregate_only": True, "approval": "all"},
        "liability": "none: every person is made up",
        "law": "none: every person is made up",
    }


def _cap_of(nodes: Mapping[Country, NodeSettings]) -> float:
    return min(settings.privacy.epsilon_cap for settings in nodes.values())


def _party(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "legal_name": f"Demonstration authority of {name}",
        "role": "provider+recipient",
        "regime": ["LED"],
        "dpo": f"dpo@{name}.example",
        "supervisory_authority": f"Demonstration supervisor of {name}",
    }


def _grants(epsilon: float) -> list[dict[str, Any]]:
    privacy = {"unit": "person", "epsilon_max_total": f"{epsilon:f}", "delta_max": f"{DELTA_CAP:f}"}
    return [
        {
            "clause": "updates",
            "material": "M2",
            "from": "*",
            "to": COORDINATOR,
            "purposes": ["P1", "P2"],
            "conditions": {
                "dp": privacy,
                "secagg": {"required": True, "min_cohort": FLOOR},
                "retention": "PT24H",
            },
        },
        {
            "clause": "models",
            "material": "M1",
            "from": COORDINATOR,
            "to": "*",
            "purposes": ["P1", "P2"],
            "conditions": {"anonymity_evidence": "personal_data", "retention": "P30D"},
        },
    ]


def _instrument() -> dict[str, Any]:
    """Without masks the strict profile would keep a third country out; here nobody real crosses a border."""
    reference = "synthetic persons only: nothing is transferred"
    return {
        "instrument": {"treaty_ref": reference, "assessment_ref": reference},
        "profile": "third_country_strict",
    }


def _profile(layout: Layout) -> list[str]:
    return ["--profile", str(layout.coordinator_profile)]
