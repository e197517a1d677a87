"""Who runs a command is what the kernel says, in a form that the audit log takes."""

import os
import pwd
from pathlib import Path

import pytest

from safeborders.node.access import accounts
from safeborders.node.access.accounts import current_login, operator_account


def kernel_says(monkeypatch: pytest.MonkeyPatch, folder: Path, *, content: str | None) -> None:
    path = folder / "loginuid"
    if content is not None:
        path.write_text(content, encoding="ascii")
    monkeypatch.setattr(accounts, "_LOGIN_UID", path)


def test_no_variable_of_the_environment_makes_anybody_another(monkeypatch: pytest.MonkeyPatch) -> None:
    before = operator_account()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")
    assert operator_account() == before
    assert "somebody-else" not in before


@pytest.mark.parametrize("content", [str(2**32 - 1), "", "nobody", None])
def test_where_nobody_logged_in_it_is_the_user_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    kernel_says(monkeypatch, tmp_path, content=content)
    assert current_login() == pwd.getpwuid(os.getuid()).pw_name


def test_the_login_stays_across_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = next(one for one in pwd.getpwall() if one.pw_uid != os.getuid())
    kernel_says(monkeypatch, tmp_path, content=str(other.pw_uid))
    assert current_login() == other.pw_name


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unnamed = max(one.pw_uid for one in pwd.getpwall() if one.pw_uid < 2**31) + 4711
    kernel_says(monkeypatch, tmp_path, content=str(unnamed))
    assert operator_account() == f"operator:uid-{unnamed}"


def test_a_name_is_one_word_of_at_most_a_hundred_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "current_login", lambda: "EXAMPLE\\maria papadopoulou" + "x" * 200)
    said = operator_account()
    assert said.startswith("operator:EXAMPLE_maria_papadopoulou")
    assert len(said) == len("operator:") + 100
