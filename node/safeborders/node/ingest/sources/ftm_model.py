"""The part of FollowTheMoney's model that files may use: names of schemata and of their properties."""

from functools import cache
from importlib.resources import files

import yaml

from safeborders.models.domain.entities import EntityKind

ENTITY_SCHEMATA: dict[str, EntityKind] = {
    "Person": EntityKind.PERSON,
    "Organization": EntityKind.ORGANISATION,
    "Company": EntityKind.ORGANISATION,
    "PublicBody": EntityKind.ORGANISATION,
    "Vehicle": EntityKind.VEHICLE,
    "Address": EntityKind.PLACE,
    "Identification": EntityKind.IDENTITY_DOCUMENT,
    "Passport": EntityKind.IDENTITY_DOCUMENT,
    "BankAccount": EntityKind.FINANCIAL_ACCOUNT,
    "CryptoWallet": EntityKind.FINANCIAL_ACCOUNT,
    "UserAccount": EntityKind.ONLINE_ACCOUNT,
    "Event": EntityKind.EPISODE,
    "Trip": EntityKind.EPISODE,
    "CourtCase": EntityKind.CASE,
}
"""Schemata that become entities, unless our extension says another kind (a telephone is a UserAccount there)."""

WITHOUT_PLACE: frozenset[str] = frozenset({"Note", "Document", "Mention", "Risk", "Sanction"})
"""Schemata that carry texts or judgements of list makers; the model keeps neither, so their lines are dropped."""


@cache
def known_properties(schema: str) -> frozenset[str]:
    """Return the names of the properties of ``schema``; empty when it is none that a file may use."""
    model = _load()
    if schema not in model:
        return frozenset()
    inherited = [known_properties(parent) for parent in model[schema]["extends"]]
    return frozenset(model[schema]["properties"]).union(*inherited)


@cache
def _load() -> dict[str, dict[str, list[str]]]:
    text = files("safeborders.node.ingest.sources").joinpath("ftm_model.yaml").read_text(encoding="utf-8")
    model: dict[str, dict[str, list[str]]] = yaml.safe_load(text)
    return model
