"""Nine countries join: keys at each node, fingerprints compared, kits from an authority that no program imports."""

from collections.abc import Mapping
from pathlib import Path

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.models.domain.countries import Country
from safeborders.node.commands.identity import prepare_node
from safeborders.node.enrolment import build_enrolment_request, join
from safeborders.sandbox.demo.layout import Layout
from safeborders.sandbox.demo.programs import Programs


def enrol_countries(layout: Layout, programs: Programs) -> None:
    """Initialise authority, coordinator and every node, and let the authority answer all of them.

    The other two sides run by their commands, so that nothing here imports them; all fingerprints pass through this
    function as they would pass over a telephone, and all files as they would pass by post.
    """
    desk = _Desk(layout, programs)
    authority = desk.run("authority", "init")[-1]
    coordinator = desk.run("coordinator", "init")[-1]
    requests = layout.folder / "requests"
    requests.mkdir()
    edge = requests / "coordinator.request.json"
    desk.run("coordinator", "enrol", "--out", str(edge))
    kits = desk.sign({edge: ("coordinator", coordinator)})
    desk.run("coordinator", "join", str(kits / "coordinator.kit.json"), "--fingerprint", authority)
    settings = {country: load_settings(layout.node_profile(country), NodeSettings) for country in layout.countries}
    files = _write_requests(settings, folder=requests)
    desk.run("coordinator", "register", *(str(path) for path in files))
    desk.sign(files)
    desk.run("coordinator", "admit", *(str(kits / f"{country.value}.kit.json") for country in settings))
    for country, node in settings.items():
        content = (kits / f"{country.value}.kit.json").read_bytes()
        join(node, content, spoken=authority, now=system_clock())


def _write_requests(settings: Mapping[Country, NodeSettings], *, folder: Path) -> dict[Path, tuple[str, str]]:
    """Let every node make its keys and its request; return the files with the fingerprints that are read out."""
    files = {}
    for country, node in settings.items():
        prepare_node(node)
        content, fingerprint = build_enrolment_request(node)
        path = folder / f"{country.value}.request.json"
        path.write_bytes(content)
        files[path] = (country.value, fingerprint)
    return files


class _Desk:
    """Runs the commands of the coordinator's team and of the authority's."""

    def __init__(self, layout: Layout, programs: Programs) -> None:
        self._layout = layout
        self._programs = programs

    def run(self, who: str, command: str, *arguments: str) -> list[str]:
        """Run a command and return the lines that it printed."""
        profile = self._layout.authority_profile if who == "authority" else self._layout.coordinator_profile
        name = f"{who} {command}"
        log = self._layout.log(f"{who}.{command}")
        return self._programs.finish(name, [who, command, "--profile", str(profile), *arguments], log=log).splitlines()

    def sign(self, files: Mapping[Path, tuple[str, str]]) -> Path:
        """Let the authority answer the requests in ``files``; return the folder of its kits."""
        kits = self._layout.folder / "kits"
        spoken = [word for party, digits in files.values() for word in ("--fingerprint", f"{party}={digits}")]
        self.run("authority", "sign", *(str(path) for path in files), *spoken, "--out", str(kits))
        return kits
