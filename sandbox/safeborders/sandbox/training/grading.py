"""Grades an answer sheet: points and what is missing or too much, without giving the answer away."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from safeborders.kit.errors import Conflict, SettingsError
from safeborders.sandbox.training.exercise import Exercise, fingerprint, load_exercise
from safeborders.sandbox.training.task import POINTS, Task

_MOST_BYTES = 100_000


class AnswerSheet(BaseModel):
    """What a practitioner hands in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    world: str
    country: str
    network: str
    answers: dict[str, list[str] | str | None]


@dataclass(frozen=True)
class Grade:
    """Points of one task and a remark that does not tell the answer."""

    task: str
    points: float
    most: int
    remark: str


def read_sheet(path: Path) -> AnswerSheet:
    """Return the answer sheet in ``path``.

    Raises:
        SettingsError: If it cannot be read.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError("The answer sheet is too long: take the file that `safeborders world exercise` wrote.")
        return AnswerSheet.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(
            "The answer sheet cannot be read: keep the form of answers.yaml, a list of codes for each task."
        ) from error


def exercise_of(sheet: AnswerSheet, world: Path) -> Exercise:
    """Return the exercise that ``sheet`` answers.

    Raises:
        Conflict: If the sheet belongs to another world.
        NotFound: If there is no world in ``world``.
    """
    if sheet.world != fingerprint(world):
        raise Conflict("The answer sheet belongs to another world: name the world that the exercise was made from.")
    return load_exercise(world, sheet.country, network=sheet.network)


def grade_sheet(sheet: AnswerSheet, exercise: Exercise) -> Sequence[Grade]:
    """Return a grade for each task of ``exercise``.

    Raises:
        SettingsError: If it answers a task that does not exist.
    """
    unknown = sheet.answers.keys() - {task.name for task in exercise.tasks}
    if unknown:
        raise SettingsError("The answer sheet answers a task that does not exist: keep the names of answers.yaml.")
    return [_grade(task, sheet.answers.get(task.name)) for task in exercise.tasks]


def _grade(task: Task, answered: list[str] | str | None) -> Grade:
    given = {str(one).strip() for one in ([answered] if isinstance(answered, str) else answered or [])} - {""}
    found, wrong = len(given & task.answer), len(given - task.answer)
    share = max(0.0, (found - wrong) / len(task.answer))
    points = round(2 * POINTS * share) / 2
    if not given:
        remark = "no answer"
    elif given - task.choices.keys():
        remark = "not among the choices: copy the codes as they stand in the briefing"
    elif given == task.answer:
        remark = "right"
    else:
        remark = f"{found} of {len(task.answer)} found" + (f", {wrong} wrong" if wrong else "")
    return Grade(task.name, points, POINTS, remark)
