"""Searches every world of the larger scenarios: `python -m tests.model.run [STATES]`.

Prints a line for each and, of the first wrong world, the shortest story that leads to it. Ends
with 1 if there was one. STATES bounds each search; what was cut off says so.
"""

import sys

from tests.model.scenarios import QUICK, WHOLE
from tests.model.search import Found, Search, stories


def main(arguments: list[str]) -> int:
    most = int(arguments[0]) if arguments else 10_000_000
    chosen = QUICK if "quick" in arguments else WHOLE
    seen: list[Found] = []
    for scenario in chosen:
        seen.append(Search(scenario, calm_every=4).run(most))
        print(seen[-1], flush=True)
        for line in stories(seen[-1]):
            print(f"    {line}", flush=True)
    states, seconds = sum(one.states for one in seen), sum(one.seconds for one in seen)
    transitions = sum(one.transitions for one in seen)
    wrong = sum(bool(one.wrong) for one in seen)
    print(
        f"{len(seen)} scenarios, {states} states, {transitions} transitions, depth "
        f"{max(one.depth for one in seen)}, {seconds:.0f} s of one core; {wrong} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
