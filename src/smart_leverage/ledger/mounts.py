"""What kind of file system a folder lies on, where the system tells."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""One line for each mount: its place is the fifth word, its kind the first one behind a dash."""

OVER_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone"),
    }
)
"""Where locks and syncs are those of another machine, as far as there are any."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_kind(path: Path) -> str:
    """Return by which kind of network file system a path is reached, empty for none or unknown."""
    try:
        text = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""  # another system, which does not tell
    kind = kind_at(path.resolve(), text)
    return kind if kind in OVER_NETWORK else ""


def kind_at(path: Path, mounts: str) -> str:
    """Return the kind of file system of an absolute path; of mounts over each other the last."""
    found, depth = "", -1
    for line in mounts.splitlines():
        words, _, rest = line.partition(" - ")
        fields = words.split()
        if len(fields) < 5 or not rest:
            continue
        place = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4]))
        if len(place.parts) >= depth and path.is_relative_to(place):
            found, depth = rest.split()[0], len(place.parts)
    return found
