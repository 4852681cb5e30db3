"""What is said to change nothing is about lines that are there."""

import tomllib
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src" / "smart_leverage"


def test_every_change_that_changes_nothing_is_of_a_line_that_is_there() -> None:
    listed = tomllib.loads((HERE / "equivalents.toml").read_text(encoding="utf-8"))["equivalent"]
    for each in listed:
        lines = (SOURCES / f"{each['module']}.py").read_text(encoding="utf-8").splitlines()
        assert each["before"] in {line.strip() for line in lines}, each
        assert each["after"] != each["before"]
        assert len(each["reason"]) > 10
    keys = [(each["module"], each["before"], each["after"]) for each in listed]
    assert len(set(keys)) == len(keys)
