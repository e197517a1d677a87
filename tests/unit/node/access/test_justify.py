"""Who may look, and what must be said first."""

from datetime import datetime

import pytest

from safeborders.models.domain.governance import Purpose
from safeborders.node.access.callers import GRANTS, Caller, Justification, Role, Scope
from safeborders.node.access.errors import AccessError, JustificationMissing, NotAuthenticated, PurposeRefused
from safeborders.node.access.justify import justify


class OneToken:
    """Knows one secret."""

    def __init__(self, role: Role) -> None:
        self.caller = Caller(token="t", name="maria", role=role)

    def create_token(self, name: str, *, role: Role, now: datetime) -> str:
        raise NotImplementedError

    def revoke_token(self, name: str, *, now: datetime) -> None:
        raise NotImplementedError

    def find_caller(self, secret: str) -> Caller | None:
        return self.caller if secret == "right" else None


def ask(
    secret: str | None = "right",  # noqa: S107  # the one that OneToken knows
    *,
    purpose: str | None = "P2",
    case: str | None = "GR-1/2026",
    role: Role = Role.INVESTIGATOR,
) -> Justification:
    return justify(secret, purpose=purpose, case_reference=case, tokens=OneToken(role))


def test_token_purpose_and_case_make_a_justification() -> None:
    who = ask()

    assert (who.caller.name, who.purpose, who.purpose_code, who.case_reference) == (
        "maria", Purpose.NETWORK, "P2", "GR-1/2026",
    )  # fmt: skip


@pytest.mark.parametrize("secret", [None, "", "wrong", "right" * 1000])
def test_without_a_valid_token_nobody_is_let_in(secret: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        ask(secret)


@pytest.mark.parametrize("purpose", [None, "", "P0", "P6", "DR", "p2", "P2 ", "P1,P2"])
def test_the_purpose_must_be_one_of_the_codes(purpose: str | None) -> None:
    with pytest.raises(JustificationMissing):
        ask(purpose=purpose)


@pytest.mark.parametrize("case", [None, "", "a", "ab", " GR-1", "GR\n1", "x" * 65, "<script>"])
def test_the_case_must_have_a_reference(case: str | None) -> None:
    with pytest.raises(JustificationMissing):
        ask(case=case)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("purpose", ["P1", "P2", "P3", "P4", "P5"])
def test_a_role_is_let_in_for_its_purposes_only(role: Role, purpose: str) -> None:
    allowed: dict[Role, set[str]] = {
        Role.INVESTIGATOR: {"P2", "P3"},
        Role.LEAD_INVESTIGATOR: {"P2", "P3"},
        Role.ANALYST: {"P1", "P4", "P5"},
        Role.RIGHTS_DESK: set[str](),  # it works with the operator's commands
        Role.APPROVER: set[str](),  # it looks nothing up
        Role.AUDITOR: set[str](),  # it reads the audit log, and no record
    }
    if purpose in allowed[role]:
        assert ask(purpose=purpose, role=role).purpose_code == purpose
        return
    with pytest.raises(PurposeRefused):
        ask(purpose=purpose, role=role)


def test_every_role_has_a_grant_and_only_one_sees_names() -> None:
    assert set(GRANTS) == set(Role)
    assert [role for role in Role if Scope.IDENTITY_READ in GRANTS[role].scopes] == [Role.LEAD_INVESTIGATOR]


def test_refusals_repeat_nothing_of_the_request() -> None:
    for wrong in ({"purpose": "Canary"}, {"case": "Canary\n"}, {"secret": "Canary"}):
        with pytest.raises(AccessError) as refused:
            ask(**wrong)  # type: ignore[arg-type]  # each is one keyword of ask
        assert "Canary" not in refused.value.message
