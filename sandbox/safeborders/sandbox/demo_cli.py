"""The command that shows everything: thin, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from safeborders.kit.lazy import load_function

app = typer.Typer(help="Show the whole federation on this machine.", no_args_is_help=True)


@app.callback()
def demo() -> None:
    """Show the whole federation on this machine."""


@app.command("run")
def run(
    preset: Annotated[str, typer.Option(help="Size of the synthetic world: tiny, demo or bench.")] = "demo",
    seed: Annotated[int, typer.Option(help="Seed of the synthetic world.")] = 7,
    epsilon: Annotated[float, typer.Option(help="Epsilon of one country's messages against everybody.")] = 8.0,
    rounds: Annotated[int | None, typer.Option(help="Rounds; default: the measured best.")] = None,
    model: Annotated[
        str, typer.Option(help="What is trained: encoder, relational (with stage B), sage-1, sage-2 or no-roles.")
    ] = "encoder",
    folder: Annotated[Path, typer.Option(help="Folder for the world, keys, databases and logs; made anew.")] = Path(
        "demo"
    ),
    json: Annotated[Path | None, typer.Option("--json", help="File for the results, for machines.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
) -> None:
    """Nine countries train one model together: create, enrol, import, train, score, print, stop."""
    module = "safeborders.sandbox.demo.run"
    options = load_function(f"{module}:DemoOptions")(
        preset=preset,
        seed=seed,
        epsilon=epsilon,
        rounds=rounds,
        model=load_function("safeborders.server.planning:parse_model_name")(model),
        keep=keep,
    )
    load_function(f"{module}:run_demonstration")(options, folder=folder, json_file=json)


@app.command("bound")
def bound(folder: Annotated[Path, typer.Option(help="Folder of a demonstration.")] = Path("demo")) -> None:
    """Pool the nine synthetic databases without privacy, which nobody may do with real ones, and score the result."""
    load_function("safeborders.sandbox.demo.bound:write_bound")(folder)
