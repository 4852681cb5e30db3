"""Checks whether people are told: which channels fail, and since when."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from smart_leverage.cli.finding import Finding, fine, warning, wrong
from smart_leverage.domain.stamps import span
from smart_leverage.notify.keeping import CONFIG, failing, read_config, read_kept


def notify_checks(folder: Path, now_ns: int) -> Iterator[Finding]:
    """Yield how the channels of an account did when somebody was told last."""
    try:
        config = read_config(folder)
    except (OSError, msgspec.MsgspecError) as error:
        yield wrong("notify", f"{folder / CONFIG}: {error}", "run the account again")
        return
    if config is None or not config.is_on:
        yield fine("notify", "nobody is told anything; the section [notify] switches it on")
        return
    kept = read_kept(folder)
    if kept is None:
        yield warning("notify", "nothing was told yet", "`smart-leverage notify test` tries it")
        return
    failures = failing(kept, now_ns)
    if kept.watcher.failures and kept.watcher.why:
        failures["watcher"] = f"{kept.watcher.failures} failures in a row: {kept.watcher.why}"
    for name, why in failures.items():
        yield wrong("notify", f"{name}: {why}", f"`smart-leverage notify test --channel {name}`")
    for name in config.channels.keys() - failures.keys():
        line = kept.lines.get(name)
        if line is None or not line.standing.sent:
            yield fine("notify", f"{name}: nothing was sent yet")
        else:
            ago = span(now_ns - line.standing.sent_ns)
            yield fine("notify", f"{name}: {line.standing.sent:,} sent, the last {ago} ago")
