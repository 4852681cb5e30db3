"""What is searched: small worlds that differ in what may happen, together all of the protocol."""

from tests.model.world import Scenario, Want

from smart_leverage.domain.orders import Side

ANN = Want("ann", Side.BUY, "0.12")
BEN = Want("ben", Side.BUY, "0.12")
"""Each of them fits under the cap of one instrument alone, both do not."""
OUT = Want("house", Side.SELL, "0.1")
MORE = Want("ann", Side.BUY, "0.05")

QUICK = (
    Scenario("one purchase", (ANN,), faults=1, crashes=1, waits=0),
    Scenario("a purchase that is lost", (ANN,), faults=1, crashes=0, waits=1),
    Scenario("two under one cap", (ANN, BEN), again=1, faults=0, crashes=1, waits=0),
    Scenario("a halt", (ANN,), faults=0, crashes=1, waits=0, halts=1, resumes=1),
    Scenario("a cancel races a fill", (ANN,), cancels=1, faults=1, crashes=0, waits=0,
             halves=True, quick_sales=False),
    Scenario("an old owner", (ANN,), faults=0, crashes=0, overtakes=1, waits=1, halts=1),
    Scenario("an exit and its stop", (OUT,), held="0.1", faults=1, crashes=0, waits=0,
             stops_fill=True, quick_sales=False),
    Scenario("a venue that takes an id twice", (ANN,), faults=1, crashes=1, waits=0,
             rejects_repeated_ids=False),
)  # fmt: skip

WHOLE = (
    Scenario("one purchase, twice at fault", (ANN,), again=1, faults=2, crashes=1, waits=2),
    Scenario("one purchase, two crashes", (ANN,), faults=1, crashes=2, waits=1),
    Scenario("two under one cap", (ANN, BEN), again=1, faults=1, crashes=1, waits=1),
    Scenario("a halt at any time", (ANN,), faults=1, crashes=1, waits=1, halts=1, resumes=1),
    Scenario("a cancel races a fill", (ANN,), cancels=1, faults=1, crashes=1, waits=1,
             halves=True, quick_sales=False),
    Scenario("an old owner", (ANN,), faults=1, crashes=1, overtakes=1, waits=1, halts=1),
    Scenario("two exits and a stop", (OUT, OUT), held="0.1", faults=1, crashes=1, waits=1,
             stops_fill=True, quick_sales=False),
    Scenario("in and out", (MORE, OUT), held="0.1", faults=1, crashes=1, waits=0,
             stops_fill=True),
    Scenario("a venue that takes an id twice", (ANN,), faults=2, crashes=1, waits=2,
             rejects_repeated_ids=False),
)  # fmt: skip
