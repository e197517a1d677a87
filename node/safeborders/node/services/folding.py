"""Names by sound, so that Παπαδόπουλος, Папандопулос and Papadopoulos can meet in a search.

The rules are those of :mod:`safeborders.models.domain.normalise.names`, the same by which records are compared. They
are for finding, never for deciding that two persons are one.
"""

from safeborders.models.domain.normalise import names


def fold(text: str) -> str:
    """Return the words of ``text`` by sound, apart by one space."""
    return " ".join(names.fold(text))


def matches(folded_query: str, folded_text: str) -> bool:
    """Tell whether every word of a folded query occurs in a folded text, or the query without spaces does (numbers)."""
    if not folded_query:
        return False
    together = folded_query.replace(" ", "")
    if together.isdigit() and together in folded_text.replace(" ", ""):
        return True
    return all(word in folded_text for word in folded_query.split())
