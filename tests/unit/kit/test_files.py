"""Files are old or new; secrets belong to their owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_secret, write_atomically


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["model.bin"]


def test_the_mode_is_the_one_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "public.pem", b"x", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "public.pem").stat().st_mode & 0o777 == 0o644


def test_a_disk_that_refuses_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()  # the rename cannot replace a folder
    with pytest.raises(OSError, match="taken"):
        write_atomically(path, b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


WRITE_FOR_EVER = """
import itertools, pathlib, sys
from safeborders.kit.files import write_atomically
path = pathlib.Path(sys.argv[1])
for number in itertools.count():
    write_atomically(path, bytes([number % 256]) * 200_000)
    if number == 0: print("ready", flush=True)
"""


def test_a_kill_in_the_middle_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    for milliseconds in (3, 7, 13):
        with subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(milliseconds / 1000)
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 200_000
        assert len(set(content)) == 1


def write_secret(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    assert load_secret(write_secret(tmp_path / "key", "abc\n"), what="key") == "abc"


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("abc", 0o640, "open to other users"),
        ("abc", 0o604, "open to other users"),
        (" \n", 0o600, "empty"),
        ("a\nb", 0o600, "one line"),
    ],
)
def test_a_secret_that_is_open_empty_or_long_is_refused_without_showing_it(
    tmp_path: Path, text: str, mode: int, reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason) as refused:
        load_secret(write_secret(tmp_path / "key", text, mode=mode), what="database key")
    assert "abc" not in str(refused.value)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="database key cannot be read"):
        load_secret(tmp_path / "nowhere", what="database key")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="database key cannot be read"):
        load_secret(tmp_path / "binary", what="database key")
