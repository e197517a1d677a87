"""Profiles: every mistake is one sentence, nothing is echoed."""

from pathlib import Path

import pytest

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.configs.reference import settings_page
from safeborders.kit.errors import SettingsError

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "configs" / "profiles" / "node.gr.example.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "node.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_examples_load_and_relative_paths_count_from_the_profile() -> None:
    node = load_settings(EXAMPLE, NodeSettings)
    assert node.places.database == (EXAMPLE.parent / "../../state/gr/node.db").resolve()
    load_settings(EXAMPLE.with_name("coordinator.example.yaml"), CoordinatorSettings)


def test_unknown_key_is_named_with_its_mend(tmp_path: Path) -> None:
    path = written(tmp_path, EXAMPLE.read_text(encoding="utf-8").replace("rounds_cap:", "round_cap:"))
    with pytest.raises(SettingsError, match=r"privacy\.(round|rounds)_cap"):
        load_settings(path, NodeSettings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("country: [", "no plain YAML"),
        ("- a list", "must hold keys and values"),
        ("a: &x 1\nb: *x", "no plain YAML"),
        ("country: gr\ncountry: it", "no plain YAML near line 1"),
        ("x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_what_is_no_profile_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load_settings(written(tmp_path, text), NodeSettings)


def test_missing_profile_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "absent.yaml", NodeSettings)


def test_a_bad_value_is_not_echoed(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("port: 8701", "port: SECRET-VALUE")
    with pytest.raises(SettingsError) as refusal:
        load_settings(written(tmp_path, text), NodeSettings)
    assert "api.port" in refusal.value.message
    assert "SECRET-VALUE" not in refusal.value.message


def test_plain_http_to_the_coordinator_is_refused(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("https://", "http://")
    with pytest.raises(SettingsError, match="https"):
        load_settings(written(tmp_path, text), NodeSettings)


def test_the_settings_page_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()
