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


def is_denied(name: str) -> bool:
    """Return whether a property must be dropped unread."""
    return "".join(letter for letter in name.lower() if letter.isalnum()) in DENIED_PROPERTIES
