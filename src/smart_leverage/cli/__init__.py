"""What did the operator type? Commands, their words and their exit codes."""

import sys


def main() -> None:
    """Run what was typed and leave with its exit code; the entry point of both names."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # answered before anything heavier is loaded
        from smart_leverage.cli.version import line

        sys.stdout.write(f"{line()}\n")
        return
    from smart_leverage.cli.entry import enter

    sys.exit(enter(arguments))
