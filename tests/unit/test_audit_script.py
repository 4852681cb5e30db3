"""The audit of `make audit` cannot pass without having looked, and finds what is planted."""

import importlib.util
import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit.py"
Patch = pytest.MonkeyPatch
LOCKED = "good==1.0 ; python_version > '3' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: Patch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "BUILD", tmp_path)
    monkeypatch.setattr(module, "LEAST", {"packages": 1, "files": 1, "lines": 1})
    (tmp_path / "requirements.txt").write_text(LOCKED)
    return module


def service(audit: ModuleType, monkeypatch: Patch, *, bad: list[str], good: list[Any]) -> None:
    def asked(requirements: Path) -> list[Any]:
        vulns = [{"id": each} for each in bad]
        known = [{"name": "jinja2", "version": "2.4.1", "vulns": vulns}]
        return known if requirements.name == "known-bad.txt" else good

    monkeypatch.setattr(audit, "asked", asked)


SOUND = {"name": "good", "version": "1.0", "vulns": []}


def test_a_service_that_knows_what_is_bad_is_believed(
    audit: ModuleType, monkeypatch: Patch
) -> None:
    service(audit, monkeypatch, bad=["PYSEC-1"], good=[SOUND])
    assert audit.dependencies() == "1 packages without a known weakness"


@pytest.mark.parametrize(
    ("bad", "good", "why"),
    [
        pytest.param([], [SOUND], "its silence proves nothing", id="knows-nothing"),
        pytest.param(["X"], [], "not looked at: good==1.0", id="looked-at-nothing"),
        pytest.param(
            ["X"], [{"name": "good", "skip_reason": "?"}], "not looked at", id="skipped-one"
        ),
        pytest.param(["X"], [{**SOUND, "vulns": [{"id": "PYSEC-2"}]}], "good PYSEC-2", id="weak"),
    ],
)
def test_an_audit_does_not_pass_empty_handed(
    audit: ModuleType, monkeypatch: Patch, bad: list[str], good: list[Any], why: str
) -> None:
    service(audit, monkeypatch, bad=bad, good=good)
    with pytest.raises(audit.Failed, match=why):
        audit.dependencies()


def test_a_service_that_cannot_be_asked_fails(
    audit: ModuleType, tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = tmp_path / "tools" / "pip-audit"
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no route to host')\n")
    tool.chmod(0o700)
    monkeypatch.setattr(audit, "TOOLS", tool.parent)
    monkeypatch.setattr(audit, "BUILD", tmp_path / "build")
    assert audit.main(["dependencies"]) == 1
    assert "nothing is known: no route to host" in capsys.readouterr().out


def test_too_little_to_look_at_is_a_failure(audit: ModuleType, monkeypatch: Patch) -> None:
    monkeypatch.setattr(audit, "LEAST", {"packages": 2})
    with pytest.raises(audit.Failed, match="only 1 packages were looked at"):
        audit.at_least(1, "packages")


def test_what_is_not_pinned_or_has_no_hash_is_refused(
    audit: ModuleType, monkeypatch: Patch
) -> None:
    assert list(audit.pinned(LOCKED)) == ["good==1.0"]
    with pytest.raises(audit.Failed, match="not pinned"):
        audit.pinned("good>=1.0\n")
    monkeypatch.setattr(audit, "run", lambda *command: "good==1.0\n")
    with pytest.raises(audit.Failed, match=r"without a hash: good==1\.0"):
        audit.locked()


def test_a_bill_that_lacks_something_is_refused(audit: ModuleType, monkeypatch: Patch) -> None:
    bill = {"bomFormat": "CycloneDX", "components": [{"name": "other", "version": "1"}]}
    monkeypatch.setattr(audit, "run", lambda *command: json.dumps(bill))
    with pytest.raises(audit.Failed, match=r"not in the bill of materials: good==1\.0"):
        audit.materials()


@pytest.mark.parametrize(
    "planted",
    [
        b"-----BEGIN EC PRIVATE KEY-----",
        b"id = AKIAIOSFODNN7EXAMPLE",
        b"token: ghp_" + b"a1" * 18,
        b"7654321098:AAE-abcDEFghiJKLmnoPQRstuVWXyz012345",
    ],
)
def test_a_secret_that_is_kept_or_shipped_is_found(
    audit: ModuleType, tmp_path: Path, monkeypatch: Patch, planted: bytes
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"something " + planted + b"\n")
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    monkeypatch.setattr(audit, "run", lambda *command: "notes.txt\n")
    with pytest.raises(audit.Failed, match=r"notes\.txt"):
        audit.repository()


@pytest.mark.parametrize("name", ["smart_leverage/.env", "smart_leverage/a.pem", "runs/live/x"])
def test_a_file_that_does_not_belong_into_a_wheel_is_found(
    audit: ModuleType, tmp_path: Path, monkeypatch: Patch, name: str
) -> None:
    def built(*command: object) -> str:
        (tmp_path / "dist").mkdir()
        with zipfile.ZipFile(tmp_path / "dist" / "a.whl", "w") as archive:
            archive.writestr(name, "x")
        (tmp_path / "dist" / "a.tar.gz").write_bytes(b"")
        return ""

    monkeypatch.setattr(audit, "run", built)
    monkeypatch.setattr(audit, "source_files", lambda path: iter(()))
    with pytest.raises(audit.Failed, match=name):
        audit.archives()


def test_a_finding_is_judged_in_its_own_line_only(
    audit: ModuleType, tmp_path: Path, monkeypatch: Patch
) -> None:
    (tmp_path / "a.py").write_text("x = 1  # noqa: S603 - ours\ny = 2\n")
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    finding = {"test_id": "B603", "filename": "a.py", "line_range": [1]}
    assert audit.is_judged(finding)
    assert not audit.is_judged({**finding, "line_range": [2]})
    assert not audit.is_judged({**finding, "test_id": "B602"})
