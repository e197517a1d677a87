"""Import keys: what a source calls a thing, in a form that the importer takes."""

import hashlib
import re
from collections.abc import Iterable

_LONGEST = 64
_CODED = "sb."
_FTM_IDENTIFIER = re.compile(r"[0-9a-zA-Z]([0-9a-zA-Z.-]*[0-9a-zA-Z])?")


def import_key(prefix: str, parts: Iterable[str]) -> str:
    """Return the key that ``prefix`` and ``parts`` always give: readable where it is short, a hash where it is not."""
    joined = f"{prefix}:{':'.join(part.replace('%', '%25').replace(':', '%3A') for part in parts)}"
    if len(joined) <= _LONGEST and joined.isprintable():
        return joined
    return f"sha256:{hashlib.sha256(joined.encode('utf-8', 'surrogatepass')).hexdigest()[:48]}"


def foreign_key(identifier: str) -> str:
    """Return the import key for the identifier that a file gives: itself, unless it is too long, or our own code."""
    if identifier.startswith(_CODED):
        try:
            return foreign_key(bytes.fromhex(identifier.removeprefix(_CODED)).decode("utf-8"))
        except ValueError:
            pass  # somebody else's identifier that looks like ours
    if len(identifier) <= _LONGEST and identifier.isprintable() and identifier:
        return identifier
    return import_key("ftm", [identifier])


def ftm_identifier(key: str) -> str:
    """Return ``key`` in the letters that FollowTheMoney allows in identifiers; :func:`foreign_key` undoes it."""
    if _FTM_IDENTIFIER.fullmatch(key) and not key.startswith(_CODED):
        return key
    return f"{_CODED}{key.encode('utf-8').hex()}"
