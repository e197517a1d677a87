"""Why the protection of persons says no: one class per reason, one sentence each, never a count or a name."""

from typing import ClassVar

from safeborders.kit.errors import SafeBordersError


class PrivacyError(SafeBordersError):
    """Root of the refusals of this package."""

    code: ClassVar[str] = "privacy.refused"


class BudgetExhausted(PrivacyError):
    """A charge would take the composition of everything ever reserved over the cap."""

    code: ClassVar[str] = "privacy.budget_exhausted"


class PlanChanged(PrivacyError):
    """A run that was priced with one plan, or one model, came back with another."""

    code: ClassVar[str] = "privacy.plan_changed"


class LostReservation(PrivacyError):
    """A round was charged and the process died before its update existed; it stays spent and is never repeated."""

    code: ClassVar[str] = "privacy.lost_reservation"


class ReleaseRefused(PrivacyError):
    """Something else was about to leave than what the ledger paid for."""

    code: ClassVar[str] = "privacy.release_refused"


class UnsoundModule(PrivacyError):
    """A network holds a part for which per-example gradients are not proven."""

    code: ClassVar[str] = "privacy.unsound_module"


class UnknownLayer(UnsoundModule):
    """A layer is not on the allow-list."""

    code: ClassVar[str] = "privacy.unknown_layer"


class BatchStatistics(UnsoundModule):
    """A layer normalises over the batch, so that one person changes every gradient."""

    code: ClassVar[str] = "privacy.batch_statistics"


class EntityParameters(UnsoundModule):
    """A layer keeps parameters per entity, which would be released."""

    code: ClassVar[str] = "privacy.entity_parameters"


class HiddenState(UnsoundModule):
    """A module carries buffers, hooks or parameters of its own beside its layers."""

    code: ClassVar[str] = "privacy.hidden_state"


class TiedParameters(UnsoundModule):
    """A parameter is used twice, so that its per-example norms are not additive."""

    code: ClassVar[str] = "privacy.tied_parameters"


class RowsMixed(UnsoundModule):
    """A row of the output depends on another row of the inputs."""

    code: ClassVar[str] = "privacy.rows_mixed"


class InBatchLoss(UnsoundModule):
    """A loss does not fall apart into one term per example."""

    code: ClassVar[str] = "privacy.in_batch_loss"


class UnsoundExamples(PrivacyError):
    """The examples do not keep the promise that the accountant relies on."""

    code: ClassVar[str] = "privacy.unsound_examples"


class LedgerDamaged(PrivacyError):
    """The ledger's rows are not what an append-only ledger can hold."""

    code: ClassVar[str] = "privacy.ledger_damaged"
