"""Runs the product's command in this process, as a person would type it; the command tree is built once."""

from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from typer.main import get_command

from safeborders.kit.cli import build_app
from safeborders.kit.errors import SafeBordersError

_RUNNER = CliRunner()


@cache
def _command() -> click.Command:
    return get_command(build_app())


def safeborders(*arguments: str | Path) -> str:
    """Run ``safeborders ARGUMENTS`` and return what it printed."""
    result: Result = _RUNNER.invoke(_command(), [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.output)


def refused(error: type[SafeBordersError], *arguments: str | Path) -> str:
    """Run a command that must be refused and return its sentence."""
    with pytest.raises(error) as refusal:
        safeborders(*arguments)
    return refusal.value.message
