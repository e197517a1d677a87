"""Nine countries join: keys at each node, fingerprints compared, certificates from the coordinator."""

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.node.commands import prepare_node
from safeborders.node.enrolment import accept_admission, build_enrolment_request
from safeborders.sandbox.demo.layout import Layout
from safeborders.sandbox.demo.programs import Programs


def enrol_countries(layout: Layout, programs: Programs) -> None:
    """Initialise the coordinator and every node, and let the coordinator admit all nine.

    The coordinator's side runs by its command, so that nothing here imports it; both fingerprints pass through this
    function as they would pass over a telephone.
    """
    profile = ["--profile", str(layout.coordinator_profile)]
    printed = programs.finish("coordinator init", ["coordinator", "init", *profile], log=layout.log("init"))
    coordinator_fingerprint = printed.strip().splitlines()[-1]
    requests = layout.folder / "requests"
    requests.mkdir()
    settings = {country: load_settings(layout.node_profile(country), NodeSettings) for country in layout.countries}
    arguments: list[str] = []
    for country, node in settings.items():
        prepare_node(node)
        content, fingerprint = build_enrolment_request(node)
        path = requests / f"{country.value}.request.json"
        path.write_bytes(content)
        arguments += [str(path), "--fingerprint", fingerprint]
    admissions = layout.folder / "admissions"
    command = ["coordinator", "admit", *profile, "--out", str(admissions), *arguments]
    programs.finish("coordinator admit", command, log=layout.log("admit"))
    for country, node in settings.items():
        content = (admissions / f"{country.value}.admission.json").read_bytes()
        accept_admission(node, content, expected=coordinator_fingerprint)
