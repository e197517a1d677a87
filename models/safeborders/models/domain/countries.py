"""The jurisdictions that may run a node."""

from enum import StrEnum


class Country(StrEnum):
    """A party's code: ISO 3166-1 alpha-2 in lower case, or ``wb-xx`` for a Western Balkans jurisdiction.

    ``WB`` stands for the six together and exists for the demonstration world only.
    """

    RO = "ro"
    BG = "bg"
    GR = "gr"
    IT = "it"
    PL = "pl"
    PT = "pt"
    BE = "be"
    FI = "fi"
    WB = "wb"
    WB_AL = "wb-al"
    WB_BA = "wb-ba"
    WB_ME = "wb-me"
    WB_MK = "wb-mk"
    WB_RS = "wb-rs"
    WB_XK = "wb-xk"


DEMONSTRATION: tuple[Country, ...] = (
    Country.RO,
    Country.BG,
    Country.GR,
    Country.IT,
    Country.PL,
    Country.PT,
    Country.BE,
    Country.FI,
    Country.WB,
)
"""The nine nodes of the synthetic world, in the order of domain.md 6.2."""
