"""Secrets are read from where only their owner can read, and shown nowhere."""

from pathlib import Path

import pytest

from smart_leverage.domain.errors import ConfigError
from smart_leverage.notify.secrets import Secret, secret

KEY = "notify.telegram.token_file"
VARIABLE = "SLEV_TELEGRAM_TOKEN"


def kept(folder: Path, mode: int = 0o600, text: str = "planted\n") -> Path:
    file = folder / "token"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_file_of_its_owner_comes_before_the_environment(tmp_path: Path) -> None:
    found = secret(KEY, kept(tmp_path), VARIABLE, {VARIABLE: "other"})
    assert found.reveal() == "planted"


def test_without_a_file_the_environment_is_read() -> None:
    assert secret(KEY, None, VARIABLE, {VARIABLE: " planted "}).reveal() == "planted"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match=f"mode {mode:04o}; `chmod 600"):
        secret(KEY, kept(tmp_path, mode), VARIABLE, {VARIABLE: "other"})


def test_a_link_a_folder_a_missing_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(kept(tmp_path))
    for place in (link, tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=KEY):
            secret(KEY, place, VARIABLE, {VARIABLE: "other"})
    with pytest.raises(ConfigError, match="is empty"):
        secret(KEY, kept(tmp_path, text="\n"), VARIABLE, {})


def test_what_is_missing_names_both_ways() -> None:
    with pytest.raises(ConfigError, match=f"mode 0600, or set {VARIABLE}"):
        secret(KEY, None, VARIABLE, {})


def test_a_secret_is_never_shown() -> None:
    hidden = Secret("planted")
    assert f"{hidden} {hidden!r} {[hidden]}" == "*** *** [***]"
