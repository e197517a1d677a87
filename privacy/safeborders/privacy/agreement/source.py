"""From the file that people write to an agreement: every mistake is one sentence with its place in the file."""

import json
from datetime import date

from pydantic import ValidationError

from safeborders.kit.strict_yaml import YamlRefused, parse_yaml
from safeborders.privacy.agreement.errors import TermsUnreadable
from safeborders.privacy.agreement.terms import Agreement

LARGEST_BYTES = 256 * 1024


def parse_source(text: str) -> Agreement:
    """Return the agreement that the YAML ``text`` says.

    Raises:
        TermsUnreadable: If it is no plain YAML, or a key is unknown, missing or cannot be meant.
    """
    try:
        document = parse_yaml(text, largest_bytes=LARGEST_BYTES, allows_floats=False)
        content = json.dumps(document, default=_day)
    except YamlRefused as error:
        raise TermsUnreadable(f"The agreement is no plain YAML {error}: correct it there.") from None
    except (TypeError, ValueError):
        raise TermsUnreadable("The agreement holds a value that is neither text, number nor day: correct it.") from None
    return _parse(content.encode())


def parse_canonical(payload: bytes) -> Agreement:
    """Return the agreement in its signed form.

    Raises:
        TermsUnreadable: If it is not the one canonical form of an agreement.
    """
    agreement = _parse(payload)
    if agreement.canonical() != payload:
        raise TermsUnreadable("The agreement is not in canonical form: both ends need the same version.")
    return agreement


def _parse(content: bytes) -> Agreement:
    try:
        return Agreement.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the agreement"
        raise TermsUnreadable(_sentence(first["type"], where, first["msg"])) from None


def _sentence(kind: str, where: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"The agreement's key '{where}' is unknown: remove it or correct its spelling."
    if kind == "missing":
        return f"The agreement's key '{where}' is missing: add it (see configs/agreements)."
    why = message.removeprefix("Value error, ")
    return f"The agreement's '{where}' cannot stand ({why[:1].lower()}{why[1:]}): correct it."


def _day(value: object) -> str:
    if type(value) is date:
        return value.isoformat()
    raise TypeError
