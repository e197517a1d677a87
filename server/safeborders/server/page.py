"""The process of the coordinator's page: ``python -m safeborders.server.page PROFILE``."""

import sys
from pathlib import Path

import uvicorn

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.clock import system_clock
from safeborders.kit.logs import set_up_logs
from safeborders.server.app import build_app
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.services.papers import FolderPaperReader
from safeborders.server.storage.opening import open_registry_database


def main(profile: Path) -> None:
    """Serve the page on loopback until SIGTERM."""
    set_up_logs()
    settings = load_settings(profile, CoordinatorSettings)
    engine = open_registry_database(settings.registry_url)
    papers = FolderPaperReader(settings)
    app = build_app(SqlRegistry(engine), SqlRoster(engine), papers=papers, clock=system_clock)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=settings.page_port,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
