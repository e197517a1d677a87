"""Facts with three values: what nobody recorded is not a no."""

from enum import Enum


class Fact(Enum):
    """Yes, no, or nobody knows. It has no truth value of its own, so that nobody can read unknown as no."""

    YES = True
    NO = False
    UNKNOWN = None

    @classmethod
    def of(cls, value: bool | None) -> "Fact":
        """Return the fact that a nullable column states."""
        return cls(value)

    def __bool__(self) -> bool:
        raise TypeError("a fact must be compared with Fact.YES, Fact.NO or Fact.UNKNOWN.")
