"""Documents say what is: decisions have their parts, the index has the decisions, links lead somewhere."""

import re

import pytest

from sbtest.house.sources import ROOT, list_paths

HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "References"]
DECISIONS = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def parts_missing(text: str) -> list[str]:
    """Return what a decision lacks."""
    first, *_ = text.splitlines()
    missing = [] if re.match(r"# \d{4} \S", first) else ["a title with its number"]
    for word in ("Status", "Area", "Date"):
        if f"**{word}:**" not in text:
            missing.append(word)
    held = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    return missing + [heading for heading in HEADINGS if heading not in held]


def dead_links(path: str, text: str) -> list[str]:
    """Return the links of ``text`` to files that are not there."""
    folder = (ROOT / path).parent
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    return [target for target in targets if target and "://" not in target and not (folder / target).exists()]


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_all_its_parts_and_fits_a_page(name: str) -> None:
    text = (ROOT / "docs" / "decisions" / name).read_text(encoding="utf-8")
    assert parts_missing(text) == []
    assert len(text.splitlines()) <= 70


def test_a_decision_without_alternatives_is_found() -> None:
    text = (ROOT / "docs" / "decisions" / DECISIONS[0]).read_text(encoding="utf-8")
    assert parts_missing(text.replace("## Alternatives", "## Others")) == ["Alternatives"]
    assert parts_missing(text.replace("**Status:**", "")) == ["Status"]


def test_numbers_are_used_once_and_the_index_names_every_decision() -> None:
    numbers = [name[:4] for name in DECISIONS]
    assert len(numbers) == len(set(numbers))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [name for name in DECISIONS if f"]({name})" not in index] == []


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [path for path in list_paths() if path.endswith(".md")]
    assert {
        path: dead for path in documents if (dead := dead_links(path, (ROOT / path).read_text(encoding="utf-8")))
    } == {}


def test_a_dead_link_is_found() -> None:
    assert dead_links("README.md", "see [it](docs/nowhere.md)") == ["docs/nowhere.md"]
    assert dead_links("README.md", "see [it](https://example.eu/x) and [here](LICENSE#a)") == []


def test_the_makefile_explains_each_target_that_documents_name() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z]+):.*##", makefile, flags=re.MULTILINE))
    named: set[str] = set()
    for path in ("README.md", "CONTRIBUTING.md", "docker/README.md", "tests/conftest.py"):
        named |= set(re.findall(r"\bmake ([a-z]+)\b(?=[` \n]*)", (ROOT / path).read_text(encoding="utf-8")))
    assert {"demo", "test", "check", "setup"} <= named & explained
    for path in ("README.md", "CONTRIBUTING.md", "docker/README.md"):
        shown = set(re.findall(r"`make ([a-z]+)", (ROOT / path).read_text(encoding="utf-8")))
        assert shown <= explained
