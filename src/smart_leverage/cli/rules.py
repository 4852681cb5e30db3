"""Which numbers the policy goes by: those of the ledger, or those of the configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from smart_leverage.cli.places import configuration, ledger_path
from smart_leverage.domain.errors import LedgerError
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.limits import Limits, laid_over
from smart_leverage.policy.tier import Tier
from smart_leverage.runtime.remembered import Remembered, read_numbers, remember, with_limits
from smart_leverage.settings import Settings, load
from smart_leverage.wiring import engine_config


class InForce(NamedTuple):
    """The numbers by section, where they come from, and the tier in force, if there is one.

    `limits` are those of an account, with what is configured and what is pending; None without one.
    """

    numbers: dict[str, Any]
    policy_hash: str
    source: str
    tier: Tier | None
    limits: Limits | None = None


def numbers_in_force(ledger: Path | None, config: Path | None) -> InForce:
    """Return the numbers of the ledger; of the configuration if that is named or all there is."""
    if config is not None and ledger is None:
        return _configured(config)
    try:
        path = ledger_path(ledger)
    except LedgerError:
        if ledger is not None:
            raise
        return _configured(None)
    now = remember(path)
    kept = kept_settings(now)
    limits = now.state.limits
    numbers = with_limits(kept.model_dump(), limits.in_force)
    return InForce(numbers, now.account.policy_hash, str(path), now.state.tier, limits)


def _configured(config: Path | None) -> InForce:
    place = configuration(config)
    settings = load(place).settings
    source = "defaults and environment" if place is None else str(place)
    return InForce(settings.model_dump(), settings.policy_hash(), source, None)


def kept_settings(now: Remembered) -> Settings:
    """Return the settings that the ledger kept when the account was opened.

    Raises:
        LedgerError: They are not of this version.
    """
    try:
        return Settings.model_validate(read_numbers(now.account.policy))
    except ValidationError as error:
        raise LedgerError(
            f"{now.path}: its policy is not one of this version "
            f"({error.error_count()} unknown or missing numbers); name one with --config"
        ) from None


def config_of(now: Remembered, config: Path | None, note: Callable[[str], None]) -> EngineConfig:
    """Return what an account goes by; a configuration that is named stands above the ledger."""
    if config is None:
        return laid_over(engine_config(kept_settings(now)), now.state.limits.in_force)
    settings = load(config).settings
    if settings.policy_hash() != now.account.policy_hash:
        note(f"{config} differs from the policy that this account runs under")
    return engine_config(settings)
