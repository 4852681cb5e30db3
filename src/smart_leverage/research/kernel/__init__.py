"""The whole policy over columns of bars, as machine code: one account, or one account per policy.

    bars = columns_of(series)                          # market files become columns, or BadData
    signals = signals_of([Momentum()], series, bars)   # what strategies propose, ahead of time
    one = run(bars, signals, CLASSIC)                  # -> Run: equity, decisions, fills, trades
    many = sweep(bars, signals, policies)              # -> Metrics: one row per policy, no curves

It is the engine over the simulated broker once more: same rules, same order, same decisions, in
floats and whole units of 1e-9 where those two have exact decimals. What a rule of `policy` or
`fills` says is called and never repeated. What the kernel adds is bookkeeping, and the parity tests
hold it to the engine, decision for decision.

Order of events at one instant T, for one account. Instruments are taken by key.

 1. A new risk day begins with the first event of it: the equity of the last mark opens the day, and
    the month if that is new; what is held is valued at the last prices known before T. The trip of
    the day ends, a rise of the tier is due again.
 2. Bars that end at T meet resting orders: a stop at the worse of the bar's open and its price. Of
    a bar that began before the order did, only the close is met. A coin's stop is a stop-limit:
    where the price with costs lies beyond the limit it rests, and is tried again at every price.
    Orders whose time is up end. Every position touched is protected anew.
 3. The closes become known. At these prices, in this order: value the account, judge the losses of
    day and month, then the loss of each coin touched today, then the tier; carry on or begin a plan
    of deleveraging, or of what may not stay over a close; mark the equity; give a stop to what has
    none; sell what is through its stop; cancel purchases that have aged or no longer fit, the
    newest first. Cancels and sales leave, and what they touch is protected anew.
 4. Once a day what is bare is tried again, and in a new month a halt is lifted, if so asked.
 5. Signals are decided one after the other. A purchase is sized by the policy, cut to what the
    proof allows, and waits with a limit at close x (1 + collar); its stop gives way meanwhile. A
    sale leaves with everything held.
 6. Bars that start at T print their opens. What is through its stop at them is sold, at the next
    opening; purchases are proved again, the newest are cancelled first.
 7. Orders sent before the print fill at the open with costs, a purchase within its limit or not at
    all. What was filled or cancelled is protected anew; purchases of shares that met this opening
    and did not fill are cancelled.

Not covered, and refused or stated where it matters: holdings adopted at the start, deposits and
withdrawals, splits, an imported past, several sources whose lots would be told apart, bots with
orders of their own size, shorts, steps of enforcement below `all`, caps that begin small, a figure
of the broker that lends less than the own margin model, and the venue's dearer or cheaper fee rows
by traded volume. With the intraday plan on every instant is gone through step by step.
"""

from smart_leverage.research.kernel.columns import Columns, columns_of
from smart_leverage.research.kernel.results import Ends, Metrics, Run
from smart_leverage.research.kernel.running import run, sweep, sweep_ends
from smart_leverage.research.kernel.setup import Setup
from smart_leverage.research.kernel.signals import Signals, signals_of

__all__ = [
    "Columns",
    "Ends",
    "Metrics",
    "Run",
    "Setup",
    "Signals",
    "columns_of",
    "run",
    "signals_of",
    "sweep",
    "sweep_ends",
]
