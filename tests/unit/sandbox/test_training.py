"""Exercises: solvable from the dossier, graded by the truth, and with no answer in what a practitioner gets."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from safeborders.kit.errors import Conflict, NotFound, SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.sandbox.training.casebook import Casebook
from safeborders.sandbox.training.exercise import BUILDERS, Exercise, load_exercise, write_exercise
from safeborders.sandbox.training.grading import AnswerSheet, exercise_of, grade_sheet, read_sheet
from safeborders.sandbox.training.identities import one_or_two
from safeborders.sandbox.world.chance import stream
from safeborders.sandbox.world.overview import jensen_shannon, look_at, read_table
from safeborders.sandbox.world_cli import app

RUN = CliRunner()


@pytest.fixture(scope="module")
def folder(demo_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exercise") / "gr"
    write_exercise(demo_world, country=Country.GR, network=None, out=out)
    return out


@pytest.fixture(scope="module")
def exercise(demo_world: Path, folder: Path) -> Exercise:
    return load_exercise(demo_world, "gr", network=read_sheet(folder / "answers.yaml").network)


def filled(folder: Path, answers: dict[str, list[str]]) -> AnswerSheet:
    sheet = read_sheet(folder / "answers.yaml")
    return sheet.model_copy(update={"answers": answers})


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "dossier" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_right_answers_get_all_points_and_no_answer_none(folder: Path, exercise: Exercise) -> None:
    assert len(exercise.tasks) == len(BUILDERS)
    right = filled(folder, {task.name: sorted(task.answer) for task in exercise.tasks})
    assert sum(grade.points for grade in grade_sheet(right, exercise)) == exercise.points == 24
    blank = read_sheet(folder / "answers.yaml")
    assert [grade.remark for grade in grade_sheet(blank, exercise)] == ["no answer"] * 12


def test_naming_every_choice_is_worth_nothing_where_guessing_would_pay(folder: Path, exercise: Exercise) -> None:
    everything = filled(folder, {task.name: list(task.choices) for task in exercise.tasks})
    for task, grade in zip(exercise.tasks, grade_sheet(everything, exercise), strict=True):
        assert 0 < len(task.answer) < len(task.choices), task.name
        assert task.answer <= task.choices.keys()
        assert grade.points < grade.most / 2 + 1, task.name
        assert grade.remark != "right"


def test_remarks_do_not_tell_the_answer(folder: Path, exercise: Exercise) -> None:
    wrong = {task.name: [next(iter(task.choices.keys() - task.answer))] for task in exercise.tasks}
    for task, grade in zip(exercise.tasks, grade_sheet(filled(folder, wrong), exercise), strict=True):
        assert not any(answer in grade.remark for answer in task.answer - {"one", "two"}), task.name


def test_what_a_practitioner_gets_holds_no_truth(demo_world: Path, folder: Path, exercise: Exercise) -> None:
    """No reason, no key and no true entity; the control finds each of them in the key itself."""
    text = "\n".join(path.read_text(encoding="utf-8-sig") for path in folder.rglob("*") if path.is_file())
    secrets = [task.reason for task in exercise.tasks]
    entities = {f"{row['true_entity']}," for row in read_table(demo_world, "gt_persons") if row["person"][:2] == "gr"}
    assert [secret for secret in secrets if secret in text] == []
    assert [entity for entity in entities if f",{entity}" in text] == []
    assert "hidden" not in text
    assert "planted" not in text
    key = RUN.invoke(app, ["answer", str(folder / "answers.yaml"), "--world", str(demo_world)])
    assert all(secret.split()[0] in key.output for secret in secrets)


def test_the_dossier_holds_what_each_task_asks_for(folder: Path, exercise: Exercise) -> None:
    people = {row["person"] for row in table(folder, "persons")}
    things = {row["thing"] for row in table(folder, "things")}
    links = {row["link"] for row in table(folder, "links")}
    cases = {row["case"] for row in table(folder, "cases")}
    contacted = {row[end] for row in table(folder, "contacts") for end in ("first", "second")}
    held = people | things | links | cases | contacted
    for task in exercise.tasks:
        if task.name not in {"one-or-two", "what-counts", "case-type", "same-abroad"}:
            shown = {one for choice in task.choices for one in choice.split("+")}
            assert {one for choice in task.answer for one in choice.split("+")} <= held, task.name
            assert len(shown & held) >= len(shown) - 3, task.name


def test_tasks_follow_from_the_dossier_alone(folder: Path, exercise: Exercise) -> None:
    """Solve four of them as a practitioner would, from the tables and with no look at the truth."""
    by_name = {task.name: task for task in exercise.tasks}
    statuses: dict[str, set[str]] = {}
    for row in table(folder, "statuses"):
        statuses.setdefault(row["person"], set()).add(row["category"])
    dual = {one for one, all_ in statuses.items() if "suspect" in all_ and len(all_) > 1}
    assert by_name["victim-and-suspect"].answer == dual & by_name["victim-and-suspect"].choices.keys()
    grades = {row["link"]: row["grade"] for row in table(folder, "links")}
    worst = {link for link in by_name["wrong-link"].choices if grades[link][0] in "CX" and grades[link][1] == "4"}
    assert by_name["wrong-link"].answer == worst
    digits = "".join(one for one in by_name["whose-number"].question.partition("…")[2] if one.isdigit())
    users = {
        row["person"]
        for row in table(folder, "things")
        if "".join(one for one in row["written"] if one.isdigit()).endswith(digits)
    }
    assert by_name["whose-number"].answer == users & by_name["whose-number"].choices.keys()
    periods: dict[str, list[tuple[str, str]]] = {}
    for row in table(folder, "things"):
        periods.setdefault(row["thing"], []).append((row["from"], row["until"]))
    linking = {
        phone
        for phone in by_name["numbers-that-link"].choices
        if max(start for start, _ in periods[phone]) <= min(end or "9999" for _, end in periods[phone])
    }
    assert by_name["numbers-that-link"].answer == linking


def test_cells_that_a_spreadsheet_would_compute_are_defused(folder: Path) -> None:
    cells = [
        cell for path in (folder / "dossier").glob("*.csv") for row in table(folder, path.stem) for cell in row.values()
    ]
    assert any(cell.startswith("'+") for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_two_records_are_one_person_in_some_exercises_and_two_in_others(demo_world: Path) -> None:
    book = Casebook(demo_world, Country.FI)
    found = {next(iter(one.answer)) for n in range(20) if (one := one_or_two(book, "N0001", chance=stream(n, "two")))}
    assert found == {"one", "two"}


@pytest.mark.parametrize("country", ["ro", "fi"])
def test_other_countries_have_exercises_that_repeat(country: str, demo_world: Path) -> None:
    first = load_exercise(demo_world, country, network=None)
    assert first == load_exercise(demo_world, country, network=None)
    assert len(first.tasks) >= 10


def test_a_sheet_of_another_world_or_form_is_refused(
    demo_world: Path, folder: Path, exercise: Exercise, tmp_path: Path
) -> None:
    sheet = read_sheet(folder / "answers.yaml")
    with pytest.raises(Conflict, match="another world"):
        exercise_of(sheet.model_copy(update={"world": "0" * 12}), demo_world)
    with pytest.raises(SettingsError, match="does not exist"):
        grade_sheet(filled(folder, {"no-task": ["one"]}), exercise)
    for number, text in enumerate(
        ("[", "world: 1", "world: a\ncountry: b\nnetwork: c\nanswers: {t: {x: 1}}", "a" * 200_000)
    ):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError):
            read_sheet(path)


def test_missing_worlds_countries_and_networks_are_named(demo_world: Path, tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NotFound, match="no world"):
        load_exercise(tmp_path, "gr", network=None)
    with pytest.raises(NotFound, match="no such country"):
        load_exercise(demo_world, "xx", network=None)
    with pytest.raises(NotFound, match="no case of that network"):
        load_exercise(demo_world, "gr", network="N9999")
    with pytest.raises(Conflict):
        write_exercise(demo_world, country=Country.GR, network=None, out=folder)


def test_the_commands_lead_from_the_world_to_the_grades(demo_world: Path, tmp_path: Path) -> None:
    out = tmp_path / "pl"
    assert RUN.invoke(app, ["exercise", str(demo_world), "--out", str(out), "--country", "pl"]).exit_code == 0
    sheet = out / "answers.yaml"
    answers = yaml.safe_load(sheet.read_text(encoding="utf-8"))
    key = load_exercise(demo_world, "pl", network=answers["network"])
    answers["answers"] = {task.name: sorted(task.answer) for task in key.tasks}
    sheet.write_text(yaml.safe_dump(answers), encoding="utf-8")
    checked = RUN.invoke(app, ["check", str(sheet), "--world", str(demo_world), "--json"])
    result = json.loads(checked.output)
    assert result["points"] == result["of"] == key.points
    assert all("answer" not in row for row in result["tasks"])
    shown = RUN.invoke(app, ["answer", str(sheet), "--world", str(demo_world), "--task", "case-type"])
    assert shown.exit_code == 0
    assert shown.output.startswith("case-type: T")


def test_the_overview_counts_what_is_there(demo_world: Path) -> None:
    overview = look_at(demo_world)
    assert list(overview.countries) == [country.value for country in DEMONSTRATION]
    assert overview.countries["ro"].cases == 1200
    assert overview.countries["it"].unknown > overview.countries["fi"].unknown
    assert 0.2 < overview.divergence < 0.5
    shown = RUN.invoke(app, ["show", str(demo_world), "--json"])
    assert json.loads(shown.output) == overview.as_document()
    with pytest.raises(NotFound):
        look_at(demo_world / "ro")


def test_equal_mixes_do_not_diverge() -> None:
    assert jensen_shannon([Counter(a=2, b=2), Counter(a=50, b=50)]) == pytest.approx(0.0)
    assert jensen_shannon([Counter(a=1), Counter(b=1)]) == pytest.approx(1.0)
