"""The demonstration from an empty folder to the table: each step is a command that an operator could type."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from safeborders.kit.errors import SettingsError
from safeborders.kit.logs import set_up_logs
from safeborders.models.defaults import Model
from safeborders.sandbox.demo.agreement import Documents, agree, start_covered_run
from safeborders.sandbox.demo.enrolment import enrol_countries
from safeborders.sandbox.demo.layout import Layout, approve_under, prepare_folder, write_profiles, write_sizes
from safeborders.sandbox.demo.programs import Programs
from safeborders.sandbox.demo.results import DemoResult, print_result, write_result
from safeborders.sandbox.demo.scores import collect_result
from safeborders.sandbox.demo.watching import Watcher
from safeborders.sandbox.world.numbers import load_numbers

_AT_ONCE = 2  # imports that run at the same time


@dataclass(frozen=True)
class DemoOptions:
    """What a demonstration shows.

    Attributes:
        preset: Size of the world.
        seed: Of the world.
        epsilon: Of one country's messages against everybody.
        rounds: Of the run; the measured best when None.
        model: What is trained.
        keep: Leave all programs running until Ctrl-C.
    """

    preset: str
    seed: int
    epsilon: float
    rounds: int | None
    model: Model
    keep: bool


def run_demonstration(options: DemoOptions, *, folder: Path, json_file: Path | None) -> None:
    """Run the whole demonstration and print what it found.

    Args:
        options: What to show.
        folder: Made anew; everything is kept in it.
        json_file: Where the machine form goes, if anywhere.

    Raises:
        Unavailable: If a program fails; all others are stopped first.
    """
    started = time.monotonic()
    if options.preset not in load_numbers().presets:
        raise SettingsError(f"The preset must be one of {', '.join(load_numbers().presets)}.")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)  # refused now, not after the run
    set_up_logs()
    console = Console()
    with _interrupted_by_sigterm(), _programs() as programs:
        layout = prepare_folder(folder)
        write_profiles(layout, epsilon=options.epsilon, with_api=options.keep)
        with _progress(console) as progress:
            result = _run_steps(layout, programs, progress=progress, options=options)
        result = result.after(time.monotonic() - started)
        print_result(result, console)
        if json_file is not None:
            write_result(result, json_file)
        if options.keep:
            _keep_until_stopped(console, layout, programs)


def _run_steps(layout: Layout, programs: Programs, *, progress: Progress, options: DemoOptions) -> DemoResult:
    watcher = Watcher(layout, programs, progress=progress)
    with _step(progress, "the synthetic world"):
        arguments = ["world", "create", "--preset", options.preset, "--seed", str(options.seed)]
        programs.finish("world", [*arguments, "--out", str(layout.world)], log=layout.log("world"))
    with _step(progress, "keys and certificates"):
        enrol_countries(layout, programs)
    with _step(progress, "roster and agreement"):
        approve_under(layout, agree(layout, programs))
    _fill_databases(layout, programs, progress)
    _start_programs(layout, programs)
    watcher.wait_until_started()
    run = _plan(layout, programs, options=options)
    bound = programs.start("bound", ["demo", "bound", "--folder", str(layout.folder)], log=layout.log("bound"))
    rows = watcher.follow_run(run)
    watcher.wait_until_served(run)
    with _step(progress, "scores and the bound"):
        programs.wait(bound)
        return collect_result(layout, run=run, rounds=rows)


def _fill_databases(layout: Layout, programs: Programs, progress: Progress) -> None:
    task = progress.add_task("nine databases", total=len(layout.countries))
    waiting = list(layout.countries)
    active: list[subprocess.Popen[bytes]] = []
    while waiting or active:
        while waiting and len(active) < _AT_ONCE:
            country = waiting.pop(0)
            arguments = ["node", "import", "apply", "--quiet", "--profile", str(layout.node_profile(country))]
            arguments.append(str(layout.world / country.value))
            active.append(
                programs.start(f"import {country.value}", arguments, log=layout.log(f"import.{country.value}"))
            )
        programs.wait(active.pop(0))
        progress.advance(task)


def _start_programs(layout: Layout, programs: Programs) -> None:
    profile = str(layout.coordinator_profile)
    programs.start("coordinator", ["coordinator", "run", "--profile", profile], log=layout.log("coordinator"))
    for country in layout.countries:
        arguments = ["node", "run", "--profile", str(layout.node_profile(country))]
        programs.start(f"node {country.value}", arguments, log=layout.log(f"node.{country.value}"))


def _plan(layout: Layout, programs: Programs, *, options: DemoOptions) -> str:
    arguments = ["coordinator", "plan", "--profile", str(layout.coordinator_profile)]
    arguments += ["--epsilon", str(options.epsilon), "--sizes", str(write_sizes(layout, options.preset))]
    arguments += ["--model", options.model.value]
    if options.rounds is not None:
        arguments += ["--rounds", str(options.rounds)]
    arguments += ["--out", str(Documents(layout.folder / "agreement").manifest)]
    programs.finish("plan", arguments, log=layout.log("plan"))
    return start_covered_run(layout, programs)


def _keep_until_stopped(console: Console, layout: Layout, programs: Programs) -> None:
    console.print(f"\nThe coordinator's page: http://127.0.0.1:{layout.page_port}/   (Ctrl-C stops everything)")
    for country, port in layout.api_ports.items():
        console.print(f"The API of {country.value}: http://127.0.0.1:{port}/   profile {layout.node_profile(country)}")
    while True:
        programs.check()
        time.sleep(1)


@contextmanager
def _programs() -> Iterator[Programs]:
    programs = Programs()
    try:
        yield programs
    finally:
        programs.stop()


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the demonstration as Ctrl-C does, so that everything is stopped in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


@contextmanager
def _step(progress: Progress, name: str) -> Iterator[None]:
    task = progress.add_task(name, total=1)
    yield
    progress.advance(task)
