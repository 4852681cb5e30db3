"""Would this policy have helped, with which numbers, and how sure is that? A notebook of marimo.

Read and change it:   marimo edit examples/would_it_have_helped.py
On your own prices:   marimo edit examples/would_it_have_helped.py -- --bars 'prices/*.1h.parquet'
Answers only:         python examples/would_it_have_helped.py --bars 'prices/*.1h.parquet'
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Would it have helped?")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Would it have helped?

    You have prices and a strategy. This page asks three questions of them:

    1. **Would limits have helped?** The same strategy, once with the limits of a policy and once
       without any.
    2. **Which numbers?** Some dozens of policies over the first part of the prices.
    3. **How sure is that?** The best of them on the part of the prices that it has not seen, and
       on that part shuffled many times.

    What it shows is the past, or an invented market. It is no forecast and no advice.
    """)


@app.cell
def _():
    import pathlib
    import tempfile
    from datetime import date

    import marimo as mo
    import numpy as np
    import polars as pl

    import smart_leverage as sl

    return date, mo, np, pathlib, pl, sl, tempfile


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Prices

    Without `--bars` the prices are invented: two years of hourly bars of five coins. Yours are CSV
    or Parquet files named like `BTC-USD.1h.parquet`, with the columns `ts` (start of the bar, with
    its time zone), `open`, `high`, `low`, `close` and `volume`. A frame that is here already goes
    in with `sl.bars_of({"BTC/USD": frame}, "1h")`.
    """)


@app.cell
def _(date, mo, np, pathlib, pl, sl, tempfile):
    from smart_leverage.market.recipe import ASSETS, SyntheticMarket
    from smart_leverage.market.synthetic import generate

    def invented(seed: int, days: int) -> dict[str, pl.DataFrame]:
        """Return bars of five coins that never existed, by symbol."""
        coins = tuple(asset for asset in ASSETS if asset.is_coin)
        market = SyntheticMarket(
            seed=seed, first_day=date(2023, 1, 1), days=days, step_s=3600, assets=coins
        )
        return {
            series.key.partition(":")[2]: pl.DataFrame(
                {
                    "ts": pl.Series(np.array(series.starts).view("datetime64[ns]")),
                    "open": np.array(series.opens),
                    "high": np.array(series.highs),
                    "low": np.array(series.lows),
                    "close": np.array(series.closes),
                    "volume": np.array(series.volumes),
                }
            ).with_columns(pl.col("ts").dt.replace_time_zone("UTC"))
            for series in generate(market)
        }

    files = mo.cli_args().get_all("bars")
    folder = pathlib.Path(mo.cli_args().get("out") or tempfile.mkdtemp(prefix="helped-"))
    if files:
        bars = sl.read_bars(*files, quote={"USDT": "USD"})
    else:
        bars = sl.bars_of(invented(seed=4, days=730), "1h")
    return bars, files, folder


@app.cell
def _(bars, pl):
    days = (min(each.starts[0] for each in bars), max(each.ends[-1] for each in bars))
    pl.DataFrame(
        {
            "what": [each.key for each in bars],
            "bars": [len(each) for each in bars],
            "first": [each.closes[0] for each in bars],
            "last": [each.closes[-1] for each in bars],
        }
    ).with_columns(change=(pl.col("last") / pl.col("first") - 1).round(3))
    return (days,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 1. Would limits have helped?

    Both accounts follow the same momentum strategy and put a fifth of the equity into each idea.
    `no limits` has caps and loss limits of 100 % of equity, which is none. `limits` has those of
    the preset `classic`: what may be in crypto depends on the record, one symbol is at most 10 %
    of equity, and a day or a month that loses too much ends purchases.
    """)


@app.cell
def _(bars, sl):
    tiers = ("emergency", "learning", "stable", "profitable")
    pieces = {"sizing.base_share": 0.2, "sizing.share_max": 0.4}
    none = {f"tiers.{tier}.{cap}": 1.0 for tier in tiers for cap in ("crypto_cap", "total_cap")} | {
        "limits.symbol_cap": 1.0,
        "limits.loss_limit_daily_asset": 1.0,
        "limits.loss_limit_daily": 1.0,
        "limits.loss_limit_monthly": 1.0,
    }
    # A share of what may be held: for equal pieces of equity it has to be larger under a cap.
    bold = {"sizing.base_share": 0.6, "sizing.share_max": 0.9}
    account = {"cash": 100_000.0, "resumes_monthly": True}

    free = sl.backtest(bars, policy=none | pieces, **account)
    held = sl.backtest(bars, policy=bold, **account)
    return account, bold, free, held, none, pieces


@app.cell
def _(free, held, pl):
    def side_by_side(accounts) -> pl.DataFrame:
        """Return figures of accounts, a row each; fractions of equity."""
        shown = ("growth", "drawdown", "month_worst", "shortfall", "exposure_crypto")
        return pl.DataFrame(
            [
                {"account": name}
                | {each: round(float(one.figures[each]), 3) for each in shown}
                | {"trades": one.figures["trades"]}
                for name, one in accounts.items()
            ]
        )

    side_by_side({"no limits": free, "limits": held})
    return (side_by_side,)


@app.cell
def _(free, held, mo, sl):
    mo.Html(sl.equity_picture({"no limits": free.curve, "limits": held.curve}))


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    What was held, beside the cap that the record had earned. The cap rises and falls with the tier;
    a policy whose line never comes near its cap is limited by something else.
    """)


@app.cell
def _(held, mo):
    mo.Html(held.pictures["exposure"])


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    What cut purchases or denied them, how often, and the mean share that was granted:
    """)


@app.cell
def _(held, pl):
    (
        held.decisions.filter(pl.col("is_buy") & (pl.col("given") < pl.col("asked")))
        .group_by("reason")
        .agg(times=pl.len(), granted=(pl.col("given") / pl.col("asked")).mean().round(3))
        .sort("times", descending=True)
    )


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 2. Which numbers?

    Every pair of a cap per symbol and a cap on crypto of the lowest tier, over the first 60 % of
    the time. Looked for is growth while the account never falls deeper than 20 %; whatever falls
    deeper stands below whatever does not. **A plateau is worth more than a peak**: where the
    neighbours of the best cell are dark, it was luck.
    """)


@app.cell
def _(account, bars, bold, days, folder, sl):
    from smart_leverage.market.clip import clip

    until = days[0] + int(0.6 * (days[1] - days[0]))
    seen = [clip(each, days[0], until) for each in bars]
    unseen = [clip(each, until, days[1] + 1) for each in bars]
    space = {
        "limits.symbol_cap": [0.03, 0.05, 0.075, 0.10, 0.15, 0.20],
        "tiers.learning.crypto_cap": [0.10, 0.15, 0.20, 0.25, 0.30, 0.35],
    }
    many = sl.sweep(
        seen,
        space,
        folder / "sweep",
        policy=sl.policy_with(bold),
        plan={"objectives": ["growth_bounded", "shortfall"], "goal": {"drawdown": 0.20}},
        **account,
    )
    return many, space, unseen


@app.cell
def _(many, mo):
    mo.Html(many.pictures["map"])


@app.cell
def _(many, mo):
    mo.Html(many.pictures.get("front", ""))


@app.cell
def _(many, pl, space):
    (
        many.table.sort("growth_bounded", descending=True)
        .select("set", *space, pl.col("growth", "drawdown", "month_worst", "shortfall").round(3))
        .head(8)
    )


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## 3. How sure is that?

    The best set was chosen on what it was measured on, so its figures flatter it. Here it meets
    the last 40 % of the time, which had no part in the choice, beside `limits` and `no limits`.
    """)


@app.cell
def _(account, bold, many, none, pieces, side_by_side, sl, space, unseen):
    chosen_numbers = {key: many.best_set[key] for key in space}
    later = {
        "no limits": sl.backtest(unseen, policy=none | pieces, **account),
        "limits": sl.backtest(unseen, policy=bold, **account),
        "chosen": sl.backtest(unseen, policy=bold | chosen_numbers, **account),
    }
    side_by_side(later)
    return chosen_numbers, later


@app.cell
def _(later, mo, sl):
    mo.Html(sl.equity_picture({name: one.curve for name, one in later.items()}))


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    One path is one draw. The days of that part, cut into stretches of ten that keep their order and
    drawn anew 2,000 times, with the same stretches for all accounts, say how much of a difference
    is left when the days come in another order and some of them do not come at all.
    """)


@app.cell
def _(later, np, pl):
    def daily(one) -> np.ndarray:
        """Return the daily returns of an account."""
        equity = one.curve.group_by_dynamic("at", every="1d").agg(pl.col("equity").last())["equity"]
        return equity.pct_change().drop_nulls().to_numpy()

    def redrawn(returns: np.ndarray, draws: int = 2_000, stretch: int = 10) -> np.ndarray:
        """Return returns drawn anew in stretches: (n_draws, n_days, n_accounts)."""
        chance = np.random.default_rng(20_240_101)
        count = -(-len(returns) // stretch)
        begins = chance.integers(0, len(returns), (draws, count, 1))
        places = (begins + np.arange(stretch)).reshape(draws, -1) % len(returns)
        return returns[places[:, : len(returns)]]

    paths = np.cumprod(1.0 + redrawn(np.stack([daily(one) for one in later.values()], axis=1)), 1)
    growths = paths[:, -1] - 1.0
    falls = (1.0 - paths / np.maximum.accumulate(paths, axis=1)).max(axis=1)
    rows = []
    for name, growth, fall in zip(later, growths.T, falls.T, strict=True):
        row = {"account": name}
        for label, drawn in (("growth", growth), ("fall", fall)):
            low, middle, high = np.quantile(drawn, (0.05, 0.5, 0.95)).round(3).tolist()
            row |= {f"{label} 5 %": low, f"{label} 50 %": middle, f"{label} 95 %": high}
        rows.append(row)
    pl.DataFrame(rows)
    return falls, growths


@app.cell
def _(chosen_numbers, falls, files, growths, later, many, mo):
    def answers():
        """Yield what came of it, in sentences."""
        a, b, c = (one.figures for one in later.values())
        numbers = ", ".join(f"{key} {value:g}" for key, value in chosen_numbers.items())
        milder = (falls[:, 2] < falls[:, 0]).mean()
        richer = (growths[:, 2] > growths[:, 0]).mean()
        better = (growths[:, 2] > growths[:, 1]).mean()
        yield f"Prices: {', '.join(files) if files else 'an invented market'}."
        yield (
            f"Best of {many.trials} sets on the first part: {numbers}, "
            f"growth {many.best_set['growth']:+.1%}, deepest fall {many.best_set['drawdown']:.1%}."
        )
        yield (
            f"On the part it had not seen: growth {c['growth']:+.1%}, deepest fall "
            f"{c['drawdown']:.1%}; without limits {a['growth']:+.1%} and {a['drawdown']:.1%}, "
            f"with the usual ones {b['growth']:+.1%} and {b['drawdown']:.1%}."
        )
        yield (
            f"Of 2,000 redrawn histories it fell less deep than without limits in {milder:.0%}, "
            f"grew more than without limits in {richer:.0%}, and more than with the usual limits "
            f"in {better:.0%}."
        )
        yield (
            "Near 50 % is a coin. A smaller fall is what limits are for; more growth from limits "
            "alone would be luck, and choosing again until it looks better is luck as well."
        )

    told = list(answers())
    if mo.app_meta().mode == "script":
        print(*told, sep="\n")
    mo.md("## The answer\n\n" + "\n".join(f"- {each}" for each in told))
    return (told,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Go on

    - The choice repeated window after window: `smart-leverage walk-forward`.
    - Larger sweeps, on all cores or a cluster: `smart-leverage sweep`.
    - Opportunities of your own instead of momentum: a frame with `at`, `symbol`, `side` and
      `confidence`, as `sl.backtest(bars, frame)`.
    """)


if __name__ == "__main__":
    app.run()
