"""Sends mutated bodies through reading and checking, and some of them through the whole gateway."""

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz.account import Account, account
from tests.fuzz.bodies import bodies

from smart_leverage.domain.instruments import AssetClass
from smart_leverage.runtime.interpreter import set_for_trading
from smart_leverage.wire.checks import check_for_asset
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.reading import parse
from smart_leverage.wire.requests import order_request
from smart_leverage.wire.symbols import key_of_symbol

CPU_MAX_S = 0.1
EVERY = 50
"""Beside all that are accepted, each so many-th body goes through the whole application."""


def read(body: bytes, listed: Any) -> int:
    """Read one body as the gateway does; return the status with which it would be refused, or 0."""
    try:
        request = order_request(parse(body))
        key = key_of_symbol(request.symbol, listed)
        if key is None:
            return 422
        is_crypto = listed[key].asset_class is AssetClass.CRYPTO
        check_for_asset(request, is_crypto=is_crypto)
    except WireError as refused:
        return refused.status
    return 0


async def through(one: Account, body: bytes) -> int:
    """Send a body through the application; an order may exist only where it was accepted."""
    before = one.venue.of_bots
    answer = await one("POST", "/v2/orders", body)
    assert answer.status < 500, (body, answer)
    assert answer.status == 200 or one.venue.of_bots == before, (body, answer)
    assert json.loads(answer.body)
    return answer.status


def fuzz(seed: int, count: int, folder: Path, show: Any = None) -> dict[str, Any]:
    """Send so many bodies; return what was counted.

    Raises:
        AssertionError: With the body, as bytes.
    """
    refused, statuses = Counter[int](), Counter[int]()
    slowest, slow_body, began_s = 0.0, b"", time.process_time()
    first_kib = 0
    with account(folder) as one, asyncio.Runner() as runner:
        listed = one.trader.engine.state.instruments
        for number, body in enumerate(bodies(seed, count)):
            start_s = time.thread_time()
            try:
                status = read(body, listed)
            except Exception as error:
                raise AssertionError(f"{body!r}: {error!r}") from error
            spent_s = time.thread_time() - start_s
            assert status < 500, body
            if spent_s > slowest:
                slowest, slow_body = spent_s, body
            refused[status] += 1
            if (status == 0 and number % 5 == 0) or number % EVERY == 0:
                statuses[runner.run(through(one, body))] += 1
                if sum(statuses.values()) % 200 == 0:
                    one.move()
            if number == min(20_000, count // 2):
                first_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if show is not None and number % 50_000 == 0:
                show(number, refused)
    last_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "bodies": count,
        "read_accepted": refused[0],
        "read_refused": sum(refused.values()) - refused[0],
        "sent_through": sum(statuses.values()),
        "statuses": {str(key): value for key, value in sorted(statuses.items())},
        "cpu_s": round(time.process_time() - began_s, 1),
        "slowest_read_ms": round(slowest * 1000, 2),
        "slowest_body": slow_body[:120].decode("latin-1"),
        "memory_growth_mib": round((last_kib - first_kib) / 1024, 1),
    }


def main() -> None:
    """Fuzz so many bodies from a seed, and print the figures; the last line is one JSON object."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])

    def show(number: int, refused: Counter[int]) -> None:
        sys.stderr.write(f"\r{number:>10,} of {count:,} bodies, {refused[0]:,} legible")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory() as folder, set_for_trading():
        told = fuzz(seed, count, Path(folder), show)
    sys.stderr.write("\n")
    for name, value in told.items():
        print(f"{name:<20}{value}")
    print(json.dumps(told))
    if told["slowest_read_ms"] > CPU_MAX_S * 1000:
        sys.exit("one body took more than 100 ms")


if __name__ == "__main__":
    main()
