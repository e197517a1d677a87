"""YAML that can mean one thing only: small, without anchors, aliases, tags or a key given twice; on request no floats.

People write profiles and agreements in it; what is refused here is what two readers, or two programs, could read
differently, and what could grow without bound.
"""

from typing import Any

import yaml


class YamlRefused(ValueError):
    """The text is no plain YAML; the sentence says why and, where it is known, in which line."""


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without anchors and aliases (they can grow without bound), tags, and keys given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # types-pyyaml leaves it open
        if isinstance(event, yaml.events.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.constructor.ConstructorError(None, None, "anchors and aliases are not allowed", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise yaml.constructor.ConstructorError(None, None, "tags are not allowed", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key is given twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


class _FloatlessLoader(_StrictLoader):
    """The same, where a number with a point must be written in quotes: a float has no exact value to sign."""

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        raise yaml.constructor.ConstructorError(None, None, "a decimal number stands in no quotes", node.start_mark)


_FloatlessLoader.add_constructor("tag:yaml.org,2002:float", _FloatlessLoader.construct_yaml_float)


def parse_yaml(text: str, *, largest_bytes: int, allows_floats: bool = True) -> object:
    """Return what ``text`` says.

    Args:
        text: The document.
        largest_bytes: Beyond it nothing is parsed at all.
        allows_floats: Whether numbers with a point or an exponent may stand without quotes.

    Raises:
        YamlRefused: If it is too large or no plain YAML.
    """
    if len(text.encode()) > largest_bytes:
        raise YamlRefused(f"(it is larger than {largest_bytes // 1024} KiB)")
    try:
        if allows_floats:
            return yaml.load(text, Loader=_StrictLoader)  # noqa: S506  # a subclass of SafeLoader
        return yaml.load(text, Loader=_FloatlessLoader)  # noqa: S506  # a subclass of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "it cannot be read"
        raise YamlRefused(f"near line {mark.line + 1} ({why})" if mark else f"({why})") from None
    except (ValueError, TypeError, RecursionError):  # a day that does not exist, a key that is a list, a deep nest
        raise YamlRefused("(it holds a value that cannot exist)") from None
