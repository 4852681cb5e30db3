"""A ledger on a file system of another machine is refused before anything is written there."""

from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger import mounts
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger

TOLD = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 27 0:35 / /home/ann rw,relatime shared:7 - nfs4 files:/ann rw,vers=4.2
41 40 253:2 / /home/ann/own rw - xfs /dev/vdb rw
42 27 0:36 / /mnt/a\040b rw - cifs //files/b rw
43 27 0:37 / /twice rw - nfs files:/x rw
44 27 0:38 / /twice rw - tmpfs tmpfs rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/x", "ext4"),
        ("/home/ann/runs", "nfs4"),
        ("/home/ann", "nfs4"),
        ("/home/anna", "ext4"),
        ("/home/ann/own/runs", "xfs"),
        ("/mnt/a b/runs", "cifs"),
        ("/twice/x", "tmpfs"),
    ],
)
def test_the_nearest_mount_says_the_kind_and_of_two_the_last(path: str, kind: str) -> None:
    assert mounts.kind_at(Path(path), TOLD) == kind


def test_a_ledger_on_a_network_refuses_the_start_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    far = tmp_path / "far"
    far.mkdir()
    table.write_text(
        f"27 1 253:1 / / rw - ext4 /dev/vda1 rw\n40 27 0:35 / {far} rw - nfs4 f:/ rw\n"
    )
    monkeypatch.setattr(mounts, "MOUNTS", table)
    with pytest.raises(LedgerError, match=r"on a network \(nfs4\)"):
        SqliteLedger(far / "ledger.sqlite", durability=Durability.NONE)
    assert list(far.iterdir()) == []
    with SqliteLedger(tmp_path / "ledger.sqlite", durability=Durability.NONE) as here:
        assert here.head.seq == 0


def test_where_the_system_tells_nothing_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert mounts.network_kind(tmp_path) == ""
    with SqliteLedger(tmp_path / "ledger.sqlite", durability=Durability.NONE) as here:
        assert here.head.seq == 0
