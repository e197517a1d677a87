"""Properties that no country may keep here, whatever its files hold (LED article 10; domain.md L10-1)."""

DENIED_PROPERTIES: frozenset[str] = frozenset(
    {
        "appearance", "biometrics", "bloodtype", "build", "caste", "clan", "complexion", "disability", "dna",
        "ethnicity", "ethnicorigin", "eyecolor", "eyecolour", "fingerprint", "genetic", "haircolor", "haircolour",
        "health", "height", "illness", "nationalityorigin", "philosophicalbelief", "photo", "photograph", "political",
        "politicalopinion", "politicalparty", "race", "racialorigin", "religion", "sexlife", "sexualorientation",
        "skincolor", "skincolour", "tattoo", "tradeunion", "tribe", "weight",
    }
)  # fmt: skip
"""Names in lower case without separators."""


def denied_name(name: str) -> str | None:
    """Return the name on the list that ``name`` spells; None when it is on no list."""
    plain = "".join(letter for letter in name[:100].lower() if letter.isalnum())
    return plain if plain in DENIED_PROPERTIES else None


def is_denied(name: str) -> bool:
    """Return whether a property must be dropped unread."""
    return denied_name(name) is not None
