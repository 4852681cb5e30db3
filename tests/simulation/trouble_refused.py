"""An account in a process of its own whose writes the kernel refuses for a while: `FOLDER`."""

import json
import resource
import sys
from pathlib import Path

from tests.contract.desk_in_trouble import BTC, Desk, notes

MOST = 65_536


def main(folder: Path) -> None:
    desk = Desk(folder)
    desk.hold()
    log = desk.path.with_name("ledger.sqlite-wal")
    assert log.stat().st_size > MOST, "the limit would not be met"
    # No file may be written behind this place: the kernel refuses as a failing disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, resource.RLIM_INFINITY))
    desk.flatten_wish()
    desk.run(3)
    count = len(notes(desk.path))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    desk.run(2)
    told = {
        "notes": count,
        "written": sorted({sent.written for sent in desk.venue.sent}),
        "held": str(sum(each.qty for each in desk.venue.positions() if each.key == BTC)),
        "warned": desk.told,
    }
    desk.stop()
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
