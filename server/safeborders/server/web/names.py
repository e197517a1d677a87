"""English words for codes on the coordinator's pages."""

from collections.abc import Mapping

from safeborders.models.domain.countries import Country

COUNTRY_NAMES: Mapping[Country, str] = {
    Country.RO: "Romania",
    Country.BG: "Bulgaria",
    Country.GR: "Greece",
    Country.IT: "Italy",
    Country.PL: "Poland",
    Country.PT: "Portugal",
    Country.BE: "Belgium",
    Country.FI: "Finland",
    Country.WB: "Western Balkans",
    Country.WB_AL: "Albania",
    Country.WB_BA: "Bosnia and Herzegovina",
    Country.WB_ME: "Montenegro",
    Country.WB_MK: "North Macedonia",
    Country.WB_RS: "Serbia",
    Country.WB_XK: "Kosovo",
}

TASK_NAMES: Mapping[str, str] = {
    "typology": "Type of a case",
    "links": "Links between persons",
    "roles": "Parts in a case",
}

PURPOSE_NAMES: Mapping[str, str] = {
    "P1": "typology",
    "P2": "identification of networks",
    "P3": "deconfliction",
    "P4": "evaluation",
    "P5": "statistics",
}
