"""What the notifier is told to do: one frozen record per channel; secrets are named, never here."""

import msgspec
from msgspec import Struct

from smart_leverage.notify.rules import Rules


class Telegram(Struct, frozen=True, kw_only=True):
    """A chat of a bot; its token is a secret."""

    chat: str
    token_file: str = ""
    rules: Rules = Rules()


class Mail(Struct, frozen=True, kw_only=True):
    """A mail server; without a user nobody logs in. `security` is starttls or tls."""

    host: str
    port: int
    security: str
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password_file: str = ""
    rules: Rules = Rules()


class Webhook(Struct, frozen=True, kw_only=True):
    """An address that takes signed JSON."""

    url: str
    secret_file: str = ""
    rules: Rules = Rules()


class Apprise(Struct, frozen=True, kw_only=True):
    """Addresses of further services, one a line, which are secrets as a whole."""

    urls_file: str = ""
    rules: Rules = Rules()


class Watcher(Struct, frozen=True, kw_only=True):
    """An outside watcher that is pinged each minute while the account is alive."""

    url_file: str = ""


class Notify(Struct, frozen=True, kw_only=True):
    """Everything; a channel that is None is off."""

    stale_after_s: float = 180.0
    bot_silent_minutes: float = 0.0
    statements: bool = True
    telegram: Telegram | None = None
    mail: Mail | None = None
    webhook: Webhook | None = None
    apprise: Apprise | None = None
    watcher: Watcher | None = None

    @property
    def channels(self) -> dict[str, Rules]:
        """The rules of each channel that is on."""
        parts = {
            "telegram": self.telegram,
            "mail": self.mail,
            "webhook": self.webhook,
            "apprise": self.apprise,
        }
        return {name: part.rules for name, part in parts.items() if part is not None}

    @property
    def is_on(self) -> bool:
        """Whether anybody is told anything."""
        return bool(self.channels) or self.watcher is not None


def encoded(config: Notify) -> str:
    """Return a configuration as it is handed to another process."""
    return msgspec.json.format(msgspec.json.encode(config).decode(), indent=2) + "\n"


def decoded(content: bytes) -> Notify:
    """Return a configuration that was handed over.

    Raises:
        msgspec.MsgspecError: It is none of this version.
    """
    return msgspec.json.decode(content, type=Notify)
