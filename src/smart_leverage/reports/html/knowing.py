"""What no report made from a single run can know, said in the report itself."""

_ALWAYS = (
    (
        "This is one path of history. With other luck the same rules would have ended elsewhere; "
        "a figure from few days or few trades says little, which is why its count stands beside "
        "it."
    ),
    (
        "Whoever chose period, instruments and settings may have known what came after. Nothing "
        "in a single run can rule that out."
    ),
    "Between two marks the account was not valued: a drawdown inside such a gap is not seen.",
    "Taxes are not counted, nor what it costs to run this.",
)

_SIMULATED = (
    (
        "The money was simulated. Orders filled at the first price after the decision, plus or "
        "minus costs, in full or not at all; a real venue fills in parts, queues and slips."
    ),
    "The orders moved no price. With larger sums, or in thin markets, they would.",
    (
        "Inside a bar only four prices are known, not their order. A stop fills at the worse of "
        "open and stop, and before a target; what really came first is not known."
    ),
    (
        "Outages, rejections, halts of trading and late prices happen only as far as the run was "
        "told to simulate them."
    ),
)


def limits(mode: str) -> tuple[str, ...]:
    """Return what the report of an account of this mode cannot know, in sentences."""
    return (*_SIMULATED, *_ALWAYS) if mode.lower() == "sim" else _ALWAYS
