"""Logs carry the keys of the allow-list and nothing else."""

import json
from collections.abc import Iterator

import pytest
import structlog

from safeborders.kit.logs import get_log, set_up_logs


@pytest.fixture(autouse=True)
def configuration_of_others() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_name_in_a_careless_call_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    get_log("ingest").warning(
        "row_refused", code="ingest.bad_row", name="Maria Papadopoulou", row={"plate": "KZH 1234"}
    )
    written = capsys.readouterr().err
    entry = json.loads(written)
    assert entry["event"] == "row_refused"
    assert entry["code"] == "ingest.bad_row"
    assert entry["part"] == "ingest"
    assert "Maria" not in written
    assert "KZH" not in written


def test_an_exception_leaves_no_trace_of_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    try:
        int("Maria Papadopoulou")
    except ValueError:
        get_log("ingest").exception("row_refused")
    assert "Maria" not in capsys.readouterr().err


def test_debug_lines_stay_silent_and_a_persons_format_keeps_the_rule(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(json=False)
    get_log("ingest").debug("detail", code="a.b")
    get_log("ingest").info("row_refused", code="a.b", name="Maria")
    written = capsys.readouterr().err
    assert "detail" not in written
    assert "a.b" in written
    assert "Maria" not in written
