"""Containers for tests: whichever engine answers, with everything locked that compose.yaml locks."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A sandbox's own limits may lie below podman's defaults, which then cannot be set.
_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
_LOCKED = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=10001:10001",
    "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=256m",
    "--pids-limit=512",
)
STATE = "/var/lib/safeborders"


def find_engine() -> list[str] | None:
    """Return the command of an engine that answers: Docker, or podman with runc."""
    if shutil.which("docker") and _answers(["docker", "info"]):
        return ["docker"]
    if shutil.which("podman") and shutil.which("runc", path="/usr/sbin:/sbin:/usr/bin:/usr/local/bin"):
        return ["podman", "--runtime", "runc"]
    return None


@dataclass(frozen=True)
class Host:
    """One locked container, or several in turn, that share a state volume.

    Args:
        engine: Command of the engine.
        name: Of the container and of its volume.
        image: What it runs.
        mounts: Further ``source:target[:options]``.
        address: Network, own address and other names while it runs in the background, as the engine's options.
        always: Further options of the engine for whatever it runs.
    """

    engine: Sequence[str]
    name: str
    image: str
    mounts: Sequence[str]
    address: Sequence[str] = field(default=())
    always: Sequence[str] = field(default=())

    def run(self, *arguments: str, entrypoint: str = "safeborders") -> subprocess.CompletedProcess[str]:
        """Run one command to its end and return what it said."""
        options = [*self._options, "--rm", f"--entrypoint={entrypoint}"]
        return _call([*self.engine, "run", *options, self.image, *arguments])

    def start(self, *arguments: str) -> None:
        """Start the container in the background with the image's own command, or with ``arguments``."""
        command = [*self.engine, "run", "--detach", f"--name={self.name}", *self._options, *self.address]
        _expect(_call([*command, self.image, *arguments]))

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run ``command`` in the container that is running."""
        return _call([*self.engine, "exec", self.name, *command])

    def logs(self) -> str:
        """Return all that the container has said."""
        done = _call([*self.engine, "logs", self.name])
        return done.stdout + done.stderr

    def stop(self) -> int:
        """Ask it to stop, wait, and return its exit code."""
        _expect(_call([*self.engine, "stop", "--time=20", self.name]))
        seen: list[dict[str, dict[str, int]]] = json.loads(_expect(_call([*self.engine, "inspect", self.name])).stdout)
        return seen[0]["State"]["ExitCode"]

    def remove(self) -> None:
        """Remove the container and its volume, whatever state they are in."""
        _call([*self.engine, "rm", "--force", self.name])
        _call([*self.engine, "volume", "rm", "--force", self.name])

    @property
    def _options(self) -> list[str]:
        mounts = [f"--volume={self.name}:{STATE}", *(f"--volume={mount}" for mount in self.mounts)]
        return [*_LIMITS, *_LOCKED, *self.always, *mounts]


def build_images(root: Path, *, python: str, base: str) -> None:
    """Build both images with docker/build.sh."""
    environment = {"BASE": base, "PYTHON": python}
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), "docker/build.sh"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    _expect(done)


def size_in_bytes(engine: Sequence[str], image: str) -> int:
    """Return the size of ``image`` as the engine counts it."""
    seen: list[dict[str, int]] = json.loads(_expect(_call([*engine, "image", "inspect", image])).stdout)
    return seen[0]["Size"]


def _expect(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if done.returncode:
        raise AssertionError(f"{' '.join(done.args)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def _call(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(command), capture_output=True, text=True, check=False)


def _answers(command: Sequence[str]) -> bool:
    return subprocess.run(list(command), capture_output=True, check=False).returncode == 0
