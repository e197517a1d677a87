"""What a Dockerfile and a compose file must and may not say (one sentence for each violation)."""

from collections.abc import Mapping, Sequence

Service = Mapping[str, object]


def violations_in_dockerfile(text: str, *, forbidden_roots: Sequence[str]) -> list[str]:
    """Find roots that the image must not hold, a missing user, telemetry left on, and what could be a secret."""
    lines = [line.strip() for line in text.splitlines()]
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    found = [f"it copies {root}" for root in forbidden_roots for word in copied if word.split("/")[0] == root]
    found += [f"it copies {word}, more than is named" for word in copied if word in {".", "./", "*"}]
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    if not users or users[-1] in {"0", "root"}:
        found.append("it runs as root")
    if "FLWR_TELEMETRY_ENABLED=0" not in text or "FLWR_DISABLE_UPDATE_CHECK=1" not in text:
        found.append("it lets Flower call home")
    found += [f"it may keep a secret: {line}" for line in lines if _names_a_secret(line)]
    return found


def violations_in_service(service: Service) -> list[str]:
    """Find what a service of the compose file leaves open."""
    found = []
    if service.get("read_only") is not True:
        found.append("its root is writable")
    if service.get("cap_drop") != ["ALL"]:
        found.append("it keeps capabilities")
    if "no-new-privileges:true" not in _listed(service, "security_opt"):
        found.append("it may gain privileges")
    if str(service.get("user", "0")).split(":")[0] in {"0", "root"}:
        found.append("it runs as root")
    if service.get("privileged") or service.get("network_mode") == "host":
        found.append("it shares the host")
    found += [f"it publishes {port} to the world" for port in _listed(service, "ports") if not port.startswith("127.")]
    found += [f"it mounts {one} with write access" for one in _listed(service, "volumes") if _writes_to_host(one)]
    found += ["it passes a secret by environment"] if _names_a_secret(f"ENV {service.get('environment', '')}") else []
    return found


def _listed(service: Service, key: str) -> list[str]:
    values = service.get(key) or []
    return [str(one) for one in values] if isinstance(values, list) else [str(values)]


def _writes_to_host(mount: str) -> bool:
    return mount.startswith((".", "/", "~")) and not mount.endswith(":ro")


def _names_a_secret(line: str) -> bool:
    words = ("PASSWORD", "SECRET", "TOKEN", "KEY=", "_KEY")
    return line.startswith(("ENV ", "ARG ", "COPY ", "ADD ")) and any(word in line.upper() for word in words)
