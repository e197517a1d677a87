"""Import keys: what a source calls a thing, in a form that the importer takes."""

import hashlib
from collections.abc import Iterable

_LONGEST = 64


def import_key(prefix: str, parts: Iterable[str]) -> str:
    """Return the key that ``prefix`` and ``parts`` always give: readable where it is short, a hash where it is not."""
    joined = f"{prefix}:{':'.join(part.replace('%', '%25').replace(':', '%3A') for part in parts)}"
    if len(joined) <= _LONGEST and joined.isprintable():
        return joined
    return f"sha256:{hashlib.sha256(joined.encode('utf-8', 'surrogatepass')).hexdigest()[:48]}"


def foreign_key(identifier: str) -> str:
    """Return the import key for the identifier that a file gives: itself, unless it is too long."""
    if len(identifier) <= _LONGEST and identifier.isprintable() and identifier:
        return identifier
    return import_key("ftm", [identifier])
