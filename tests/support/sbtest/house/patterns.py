"""What no file may contain, each with the harm that it does (one sentence for each violation)."""

import ast
import re
from collections.abc import Callable, Iterator

from sbtest.house.sources import Source

# They run code that the bytes choose: a model or message from elsewhere must never be able to.
_CODE_FROM_BYTES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
_RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
_YAML_OBJECTS = {"load", "load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"}
_SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "_StrictLoader", "_FloatlessLoader"}  # the last two: kit.strict_yaml
_SEEDS = {"manual_seed", "seed", "default_rng", "RandomState", "Generator", "Random"}

# Where a library may be imported: everything else reaches it through our own names (style.md 3).
_HOMES = {
    "flwr": ("safeborders.node.learning", "safeborders.server.federation"),
    "sqlalchemy": (
        "safeborders.node.storage",
        "safeborders.server.storage",
        "safeborders.server.registry",  # its SQL implementation beside its port
        "safeborders.kit.db",
        "safeborders.kit.migrations",
        "safeborders.kit.append_only",
        "safeborders.kit.transparency.sql_log",  # both sides keep the same log
        "safeborders.kit.transparency.stored",  # the same
    ),
    "opacus": ("safeborders.privacy.dpsgd",),
    "dp_accounting": ("safeborders.privacy",),
    "sqlcipher3": ("safeborders.kit.db",),
    "torch": (
        "safeborders.models.gnn",
        "safeborders.privacy.dpsgd",
        "safeborders.node.graph",
        "safeborders.node.learning",
        "safeborders.sandbox",
    ),
}
_HOMES["torch_geometric"] = _HOMES["torch"]


def violations_in_calls(source: Source) -> list[str]:
    """Find calls that run foreign code, open a shell or trust any server."""
    found: list[str] = []
    for call in (part for part in ast.walk(source.tree) if isinstance(part, ast.Call)):
        name = _dotted(call.func)
        found += [f"{source.path}:{call.lineno} {harm}" for test, harm in _CALLS if test(name, call)]
    for part in ast.walk(source.tree):
        if isinstance(part, ast.Attribute) and part.attr == "CERT_NONE":
            found.append(f"{source.path}:{part.lineno} trusts any certificate")
    return found


def violations_in_imports(source: Source) -> list[str]:
    """Find imports of what turns bytes into code, of libraries away from home, and imports inside functions."""
    found = []
    for line, name in _imports(source.tree):
        top = name.partition(".")[0]
        if top in _CODE_FROM_BYTES:
            found.append(f"{source.path}:{line} imports {top}, which runs code that the bytes choose")
        homes = _HOMES.get(top)
        if homes is not None and not _is_within(source.module, homes):
            found.append(f"{source.path}:{line} imports {top} outside {', '.join(homes)}")
    return found


def violations_in_noise(source: Source) -> list[str]:
    """Find seeded or predictable randomness; noise and sampling take theirs from the operating system."""
    found = [
        f"{source.path}:{line} imports {name}, whose numbers can be foretold"
        for line, name in _imports(source.tree)
        if name == "random" or name.startswith(("random.", "numpy.random"))
    ]
    for call in (part for part in ast.walk(source.tree) if isinstance(part, ast.Call)):
        name = _dotted(call.func)
        if name.rpartition(".")[2] in _SEEDS and name.startswith(("np.", "numpy.", "torch.", "random.")):
            found.append(f"{source.path}:{call.lineno} calls {name}, whose numbers can be foretold")
    return found


def violations_in_text(path: str, text: str) -> list[str]:
    """Find paths of one machine and hosts of package registries; both work on one network only."""
    return [
        f"{path}:{number} names {match[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in _LOCAL.finditer(line)
    ]


# Written in halves, so that this file does not contain what it forbids.
_LOCAL = re.compile(
    r"(?<![\w./*}-])/(?:wo" + r"rk|tmp/w|ro" + r"ot|home/[a-z]\w*)/[\w.-]+"
    r"|(?:py" + r"pi\.org|pythonho" + r"sted\.org|registry\.np" + r"mjs\.org|deb\.deb" + r"ian\.org)"
)


def _opens_shell(name: str, call: ast.Call) -> bool:
    return name in {"os.system", "os.popen"} or _has(call, "shell", value=True)


def _runs_text(name: str, _call: ast.Call) -> bool:
    return name in _RUNS_TEXT


def _loads_objects(name: str, call: ast.Call) -> bool:
    if name == "torch.load":
        return not _has(call, "weights_only", value=True)
    return name.startswith("yaml.") and name.removeprefix("yaml.") in _YAML_OBJECTS and not _has_safe_loader(call)


def _has_safe_loader(call: ast.Call) -> bool:
    names = {_dotted(given.value).removeprefix("yaml.") for given in call.keywords if given.arg == "Loader"}
    return bool(names) and all(name in _SAFE_LOADERS for name in names)


def _trusts_any_server(name: str, call: ast.Call) -> bool:
    return _has(call, "verify", value=False) or name.endswith("_create_unverified_context")


_CALLS: list[tuple[Callable[[str, ast.Call], bool], str]] = [
    (_opens_shell, "opens a shell, which a value can break out of"),
    (_runs_text, "runs text as code"),
    (_loads_objects, "loads objects that run code: weights_only=True, yaml.safe_load"),
    (_trusts_any_server, "trusts any server"),
]


def _has(call: ast.Call, keyword: str, *, value: bool) -> bool:
    return any(
        given.arg == keyword and isinstance(given.value, ast.Constant) and given.value.value is value
        for given in call.keywords
    )


def _dotted(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        return f"{_dotted(function.value)}.{function.attr}"
    return ""


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            yield from ((part.lineno, alias.name) for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.module:
            yield from ((part.lineno, f"{part.module}.{alias.name}") for alias in part.names)


def _is_within(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)
