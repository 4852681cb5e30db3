"""Fetches the browser files that stand in the repository, as `vendored.toml` beside them says.

    python scripts/vendor_assets.py          compare what stands here with the registry
    python scripts/vendor_assets.py --write  put the registry's files and their hashes here

To renew one, change its version in `vendored.toml` and run it with --write. Needs npm.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTES = (
    ROOT / "src/smart_leverage/server/desk/screens/static/vendor/vendored.toml",
    ROOT / "tests/browser/vendor/vendored.toml",
)


def packed(package: str, version: str, folder: Path) -> Path:
    """Return the archive of a package, fetched by the registry's own client."""
    done = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package}@{version}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / done.stdout.split()[-1]


def content(archive: Path, path: str) -> bytes:
    """Return one file of an archive."""
    with tarfile.open(archive) as tar:
        found = tar.extractfile(f"package/{path}")
        assert found is not None, path
        return found.read()


def main() -> int:
    """Compare or write; leave with 1 where something is not as the registry has it."""
    writes, differing = "--write" in sys.argv[1:], 0
    with tempfile.TemporaryDirectory() as folder:
        for note in NOTES:
            text = note.read_text()
            for file in tomllib.loads(text)["file"]:
                archive = packed(file["package"], file["version"], Path(folder))
                found = content(archive, file["path"])
                here, digest = note.with_name(file["name"]), hashlib.sha256(found).hexdigest()
                is_same = here.is_file() and here.read_bytes() == found
                is_same = is_same and digest == file["sha256"]
                print(f"{'●' if is_same else '■'} {file['package']} {file['version']} {here.name}")
                differing += not is_same
                if writes:
                    here.write_bytes(found)
                    pattern = rf'(name = "{re.escape(file["name"])}".*?sha256 = ")[0-9a-f]*'
                    text = re.sub(pattern, rf"\g<1>{digest}", text, count=1, flags=re.DOTALL)
            if writes:
                note.write_text(text)
    return 1 if differing and not writes else 0


if __name__ == "__main__":
    sys.exit(main())
