"""Profiles from YAML: strict, small, and with one sentence for each mistake."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from safeborders.kit.errors import SettingsError

_LARGEST_BYTES = 64 * 1024


class Settings(BaseModel):
    """A part of a profile: unknown keys are refused, values are never echoed, nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


SettingsType = TypeVar("SettingsType", bound=Settings)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without aliases (they can grow without bound) and without a key given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML has stubs without it
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key is given twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


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


def parse_plain_yaml(text: str) -> object:
    """Return what ``text`` says in safe YAML without aliases and without a key given twice.

    Raises:
        YAMLError: If it is none, or nested deeper than anything that people write.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a subclass of SafeLoader
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


def _load_mapping(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The profile {path} cannot be read: give the path of a YAML file.") from error
    if len(text) > _LARGEST_BYTES:
        raise SettingsError(f"The profile {path} is larger than 64 KiB: it cannot be a profile.")
    try:
        document = parse_plain_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" near line {mark.line + 1}" if mark else ""
        raise SettingsError(f"The profile {path} is no plain YAML{line}: correct it there.") from None
    if not isinstance(document, dict):
        raise SettingsError(f"The profile {path} must hold keys and values: see the examples in configs/profiles.")
    return document


def _explain(kind: str, message: str, where: str) -> str:
    if kind == "extra_forbidden":
        return f"the key '{where}' is unknown: remove it or correct its spelling."
    if kind == "missing":
        return f"the key '{where}' is missing: add it (docs/settings.md says what it means)."
    return f"'{where}' cannot be used ({message[:1].lower()}{message[1:]}): correct it."
