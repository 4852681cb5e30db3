"""What the system would write of a process that dies: nothing, since its memory holds secrets."""

import resource
from contextlib import suppress


def leave_no_core() -> None:
    """Have the system write no core of this process and of those that it starts."""
    with suppress(ValueError, OSError):  # Where that is forbidden, a smaller bound holds already.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
