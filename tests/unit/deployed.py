"""What the Dockerfile says, as its stages and instructions."""

import json
import re
from pathlib import Path
from typing import NamedTuple

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCKERFILE = DEPLOY / "container" / "Dockerfile"


class Image(NamedTuple):
    """The last stage, which is the image, and those before it; instructions with their words."""

    arguments: dict[str, str]
    stages: list[list[tuple[str, str]]]

    @property
    def last(self) -> list[tuple[str, str]]:
        return self.stages[-1]

    def of(self, name: str) -> list[str]:
        return [words for instruction, words in self.last if instruction == name]

    @property
    def entrypoint(self) -> list[str]:
        return list(json.loads(self.of("ENTRYPOINT")[-1]))

    @property
    def command(self) -> list[str]:
        return list(json.loads(self.of("CMD")[-1]))

    @property
    def health(self) -> list[str]:
        return list(json.loads(self.of("HEALTHCHECK")[-1].partition("CMD ")[2]))

    @property
    def stop_signal(self) -> str:
        return self.of("STOPSIGNAL")[-1]


def image() -> Image:
    """Read the Dockerfile."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    arguments: dict[str, str] = {}
    stages: list[list[tuple[str, str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        name, _, words = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        if not stages:
            key, _, value = words.partition("=")
            arguments[key] = value
        else:
            stages[-1].append((name, " ".join(words.split())))
    return Image(arguments, stages)
