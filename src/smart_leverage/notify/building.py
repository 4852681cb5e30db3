"""Makes channels of their configuration, late: when somebody first has something to say."""

from collections.abc import Callable, Mapping
from pathlib import Path

from smart_leverage.domain.errors import ConfigError
from smart_leverage.notify.addresses import problem_of
from smart_leverage.notify.channels.base import Channel
from smart_leverage.notify.channels.mail import MailChannel
from smart_leverage.notify.channels.others import AppriseChannel
from smart_leverage.notify.channels.telegram import TelegramChannel
from smart_leverage.notify.channels.webhook import WebhookChannel
from smart_leverage.notify.config import Notify
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.post import Parcel
from smart_leverage.notify.secrets import Secret, secret
from smart_leverage.notify.sending import Network
from smart_leverage.notify.watcher import Pinger

Environment = Mapping[str, str] | None
Build = Callable[[], Channel]

VARIABLES = {
    "notify.telegram.token_file": "SLEV_TELEGRAM_TOKEN",
    "notify.mail.password_file": "SLEV_MAIL_PASSWORD",
    "notify.webhook.secret_file": "SLEV_WEBHOOK_SECRET",
    "notify.apprise.urls_file": "SLEV_APPRISE_URLS",
    "notify.watcher.url_file": "SLEV_WATCHER_URL",
}
"""Where a secret stands when no file is named. They have no prefix of the settings: those are
shown by `config show`, and these never are."""


class LateChannel:
    """A channel that is made at its first try, and again until its configuration is right."""

    def __init__(self, name: str, build: Build) -> None:
        self.name = name
        self._build = build
        self._made: Channel | None = None

    def send(self, parcel: Parcel) -> Outcome:
        """Try once; a configuration that is wrong is a failure like another."""
        try:
            self._made = self._made or self._build()
        except ConfigError as error:
            return Outcome(is_sent=False, why=error.problems[0])
        return self._made.send(parcel)


def builders(
    config: Notify,
    network: Network = Network(),  # noqa: B008 - immutable
    environment: Environment = None,
) -> dict[str, Build]:
    """Return what makes each channel that is on; each raises ConfigError where it cannot."""
    found: dict[str, Build] = {}
    telegram, mail, webhook, apprise = config.telegram, config.mail, config.webhook, config.apprise
    if telegram is not None:
        found["telegram"] = lambda: TelegramChannel(
            telegram,
            _secret("notify.telegram.token_file", telegram.token_file, environment),
            network,
        )
    if mail is not None:
        found["mail"] = lambda: MailChannel(
            mail,
            _secret("notify.mail.password_file", mail.password_file, environment)
            if mail.user
            else None,
            network.trust,
        )
    if webhook is not None:
        found["webhook"] = lambda: _webhook(config, network, environment)
    if apprise is not None:
        found["apprise"] = lambda: AppriseChannel(
            _secret("notify.apprise.urls_file", apprise.urls_file, environment)
        )
    return found


def pinger(
    config: Notify,
    network: Network = Network(),  # noqa: B008 - immutable
    environment: Environment = None,
) -> Pinger | None:
    """Return what gives signs of life; None where no watcher is configured.

    Raises:
        ConfigError: Its address is missing or wrong.
    """
    if config.watcher is None:
        return None
    url = _secret("notify.watcher.url_file", config.watcher.url_file, environment)
    return Pinger(url, network)


def _webhook(config: Notify, network: Network, environment: Environment) -> Channel:
    webhook = config.webhook
    assert webhook is not None  # noqa: S101 - its builder exists only then
    if wrong := problem_of(webhook.url):
        raise ConfigError([f"notify.webhook.url: {wrong}"], "notify.webhook.url")
    key = _secret("notify.webhook.secret_file", webhook.secret_file, environment)
    return WebhookChannel(webhook, key, network)


def _secret(key: str, file: str, environment: Environment) -> Secret:
    return secret(key, Path(file) if file else None, VARIABLES[key], environment)
