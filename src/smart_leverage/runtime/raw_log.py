"""What a process of ours says before, or beside, the log that it keeps itself."""

import os
from pathlib import Path
from typing import IO

from smart_leverage.ledger.files import FILE_MODE


def private_log(path: Path) -> IO[bytes]:
    """Open a file to be written on at its end, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE), "ab")
