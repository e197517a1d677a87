"""The command that shows the privacy budget; apart, because the accountant takes a second to import."""

import json
import sys
from pathlib import Path

from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.node.bootstrap import build_ledger
from safeborders.node.opening import open_node_store

_console = Console(highlight=False)


def show_budget(profile: Path, *, as_json: bool) -> None:
    """Show what everything that ever left has cost, what is left, and the cap."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    spent = build_ledger(settings, store).spent_epsilon()
    store.close()
    cap = settings.privacy.epsilon_cap
    if as_json:
        sys.stdout.write(json.dumps({"epsilon_spent": spent, "epsilon_left": cap - spent, "epsilon_cap": cap}) + "\n")
        return
    _console.print(f"spent {spent:.3f}   left {cap - spent:.3f}   cap {cap:.3f}   (epsilon, all releases together)")
