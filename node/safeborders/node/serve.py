"""The process of a node's API: ``python -m safeborders.node.serve PROFILE``. It imports no torch."""

import sys
from pathlib import Path

import uvicorn

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.logs import set_up_logs
from safeborders.node.app import build_app
from safeborders.node.opening import open_node_store
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.access_reader import SqlRecordReader


def main(profile: Path) -> None:
    """Serve investigators on loopback until SIGTERM.

    Raises:
        SettingsError: If the profile has no API.
    """
    set_up_logs()
    settings = load_settings(profile, NodeSettings)
    if settings.api is None:
        raise SettingsError("The profile has no 'api': add it with a port.")
    engine = open_node_store(settings).engine
    app = build_app(
        SqlRecordReader(engine, clock=system_clock),
        tokens=SqlTokens(engine),
        journal=SqlLookupJournal(engine),
        clock=system_clock,
    )
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=settings.api.port,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
