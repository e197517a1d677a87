"""Why a country does not answer a message with an update: one number, no text, agreed by both sides."""

from enum import IntEnum


class Refusal(IntEnum):
    """Flower leaves codes of 100 and above to applications; a number, once given, keeps its meaning for ever."""

    DENIED = 100  # the country's policy says no
    PENDING_APPROVAL = 101  # its operator has not decided yet; ask again
    BUDGET_EXHAUSTED = 102  # the privacy ledger says no
    NO_AGREEMENT = 103  # no agreement in force covers the run
    MALFORMED = 104  # the message is not signed, not for this place, or of another version
    INTERNAL = 105  # something failed; only the country's own log says what; ask again
    UNAVAILABLE = 106  # a part of the node is down for now; ask again
    HISTORY_FORKED = 107  # a log does not continue what the country saw of it: it is not co-signed
    HISTORY_UNKNOWN = 108  # a log proves its history from another size than the country saw; ask with that one

    @property
    def code(self) -> str:
        """The stable word for logs and the registry."""
        return f"refused.{self.name.lower()}"

    @property
    def may_pass(self) -> bool:
        """Whether the same question may get another answer later in the round."""
        return self in {Refusal.PENDING_APPROVAL, Refusal.INTERNAL, Refusal.UNAVAILABLE}
