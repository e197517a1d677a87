"""A real HTTP server around an application, on loopback, for the length of a test."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

_PATIENCE_SECONDS = 10.0


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve ``app`` and give its address, without a slash at the end."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", server_header=False, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    patience = time.monotonic() + _PATIENCE_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > patience:
            raise RuntimeError("The server did not start.")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_SECONDS)


@contextmanager
def client_of(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve ``app`` and give a client of it that follows no redirect and no proxy."""
    with serve(app) as address, httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        yield client
