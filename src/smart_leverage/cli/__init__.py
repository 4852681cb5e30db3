"""What did the operator type? Commands, their words and their exit codes."""

import os
import sys


def main() -> None:
    """Run what was typed and leave with its exit code; the entry point of both names."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # answered before anything heavier is loaded
        from smart_leverage.cli.version import line

        sys.stdout.write(f"{line()}\n")
        return
    if "_SMART_LEVERAGE_COMPLETE" in os.environ:  # so is a shell that completes a name
        from smart_leverage.cli.completing import answer

        if (told := answer(os.environ)) is not None:
            sys.stdout.write(told[1])
            sys.exit(told[0])
    from smart_leverage.cli.entry import enter

    sys.exit(enter(arguments))
