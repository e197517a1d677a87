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
from safeborders.node.approving import build_inbox
from safeborders.node.bootstrap import build_reader
from safeborders.node.opening import open_journal, open_node_store
from safeborders.node.routes.context import Context
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.access_reader import SqlRecordReader
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.role_desk import SqlRoleDesk


def main(profile: Path) -> None:
    """Serve investigators on loopback until SIGTERM.

    Raises:
        SettingsError: If the profile has no API.
    """
    set_up_logs()
    settings = load_settings(profile, NodeSettings)
    if settings.api is None:
        raise SettingsError("The profile has no 'api': add it with a port.")
    store = open_node_store(settings)
    engine = store.engine
    parts = Context(
        records=SqlRecordReader(engine, clock=system_clock),
        roles=SqlRoleDesk(engine, clock=system_clock),
        tokens=SqlTokens(engine),
        journal=open_journal(settings, store),
        clock=system_clock,
        inbox=build_inbox(settings, store),
        audit=SqlAuditLog(engine),
        log=build_reader(settings, store),
    )
    app = build_app(parts)
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
