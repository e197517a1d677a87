"""Profiles from YAML: strict, small, and with one sentence for each mistake."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from safeborders.kit.errors import SettingsError
from safeborders.kit.strict_yaml import YamlRefused, parse_yaml

_LARGEST_BYTES = 64 * 1024


class Settings(BaseModel):
    """A part of a profile: unknown keys are refused, values are never echoed, nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


SettingsType = TypeVar("SettingsType", bound=Settings)


def load_settings(path: Path, kind: type[SettingsType]) -> SettingsType:
    """Return the profile at ``path``; relative paths in it count from the profile's folder.

    Raises:
        SettingsError: If the file is missing, too large, no YAML mapping, or has an unknown, missing or bad key.
    """
    document = _load_mapping(path)
    try:
        return kind.model_validate(document, context={"folder": path.resolve().parent})
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the profile"
        raise SettingsError(f"{path}: {_explain(first['type'], first['msg'], where)}") from None


def _load_mapping(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The profile {path} cannot be read: give the path of a YAML file.") from error
    try:
        document = parse_yaml(text, largest_bytes=_LARGEST_BYTES)
    except YamlRefused as error:
        raise SettingsError(f"The profile {path} is no plain YAML {error}: correct it there.") from None
    if not isinstance(document, dict):
        raise SettingsError(f"The profile {path} must hold keys and values: see the examples in configs/profiles.")
    return document


def _explain(kind: str, message: str, where: str) -> str:
    if kind == "extra_forbidden":
        return f"the key '{where}' is unknown: remove it or correct its spelling."
    if kind == "missing":
        return f"the key '{where}' is missing: add it (docs/settings.md says what it means)."
    return f"'{where}' cannot be used ({message[:1].lower()}{message[1:]}): correct it."
