"""Which ways the strict profile for third countries closes, whatever a grant says (LED articles 35 to 38).

Without a recorded instrument a party outside the Union may send updates and statistics to the coordinator and receive
models and statistics from it; nothing else, and nothing to or from another country.
"""

from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.privacy.agreement.terms import Agreement, is_third_country

_SENDS = frozenset({Material.UPDATE, Material.AGGREGATE})
_RECEIVES = frozenset({Material.MODEL, Material.AGGREGATE})


def is_strict(agreement: Agreement, party: str) -> bool:
    """Tell whether the strict profile holds for ``party``."""
    return is_third_country(party) and agreement.third_countries[party].instrument is None


def find_closing_party(agreement: Agreement, material: Material, *, sender: str, recipient: str) -> str | None:
    """Return the party whose strict profile closes the way for ``material``, or None."""
    for party, allowed in ((sender, _SENDS), (recipient, _RECEIVES)):
        if is_strict(agreement, party) and (material not in allowed or COORDINATOR not in {sender, recipient}):
            return party
    return None
