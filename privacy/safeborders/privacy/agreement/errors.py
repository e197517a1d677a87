"""Why an agreement is not believed: one class per reason, one sentence each."""

from typing import ClassVar

from safeborders.kit.errors import SafeBordersError


class AgreementError(SafeBordersError):
    """Root of the refusals of this package; each of them means that nothing may leave."""

    code: ClassVar[str] = "agreement.refused"


class TermsUnreadable(AgreementError):
    """The text is no agreement that this version understands."""

    code: ClassVar[str] = "agreement.unreadable"


class SignaturesMissing(AgreementError):
    """A party has not signed, signed with another key than its own, or signed other words."""

    code: ClassVar[str] = "agreement.signatures_missing"


class AgreementRolledBack(AgreementError):
    """The document is not the successor of the agreement that is kept."""

    code: ClassVar[str] = "agreement.rolled_back"


class AgreementAbsent(AgreementError):
    """There is no agreement."""

    code: ClassVar[str] = "agreement.absent"


class TransferRefused(AgreementError):
    """The agreement in force does not cover what was about to happen."""

    code: ClassVar[str] = "agreement.transfer_refused"


class DecisionNotRecorded(AgreementError):
    """The decision cannot be written down, so nothing happens."""

    code: ClassVar[str] = "agreement.decision_not_recorded"
