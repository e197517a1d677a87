"""Which rules made a normalised form: forms of two versions must never be compared."""

NORMALISER = "2026.1"
"""Changes with every rule or table of this package; it belongs in the domain separation of private matching, and a node
whose stored keys have another one re-indexes them (``safeborders node resolve reindex``)."""
