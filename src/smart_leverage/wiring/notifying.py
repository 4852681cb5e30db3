"""What was configured of notifications, handed to the process that tells people."""

from contextlib import suppress
from pathlib import Path

from smart_leverage.notify.config import Apprise, Mail, Notify, Telegram, Watcher, Webhook, encoded
from smart_leverage.notify.keeping import CONFIG, write
from smart_leverage.notify.rules import Rules
from smart_leverage.settings import Settings
from smart_leverage.settings.notifying import ChannelSection


def notify_config(settings: Settings) -> Notify:
    """Return what the notifier is told to do; files are named from the working directory."""
    section = settings.notify
    telegram, mail, webhook = section.telegram, section.mail, section.webhook
    return Notify(
        stale_after_s=section.stale_after_s,
        bot_silent_minutes=section.bot_silent_minutes,
        statements=section.statements == "on",
        telegram=Telegram(
            chat=telegram.chat,
            token_file=_file(telegram.token_file),
            rules=_rules(telegram, settings),
        )
        if telegram.enabled == "on"
        else None,
        mail=Mail(
            host=mail.host,
            port=mail.port,
            security=mail.security,
            sender=mail.sender,
            to=tuple(each.strip() for each in mail.to.split(",") if each.strip()),
            user=mail.user,
            password_file=_file(mail.password_file),
            rules=_rules(mail, settings),
        )
        if mail.enabled == "on"
        else None,
        webhook=Webhook(
            url=webhook.url,
            secret_file=_file(webhook.secret_file),
            rules=_rules(webhook, settings),
        )
        if webhook.enabled == "on"
        else None,
        apprise=Apprise(
            urls_file=_file(section.apprise.urls_file), rules=_rules(section.apprise, settings)
        )
        if section.apprise.enabled == "on"
        else None,
        watcher=Watcher(url_file=_file(section.watcher.url_file))
        if section.watcher.enabled == "on"
        else None,
    )


def hand_over(folder: Path, settings: Settings) -> None:
    """Leave in an account's folder what its notifier is to do; it reads that when it starts.

    Raises:
        OSError: The folder cannot be written.
    """
    config = notify_config(settings)
    if config.is_on:
        write(folder / CONFIG, encoded(config).encode(), is_durable=False)
        return
    with suppress(FileNotFoundError):
        (folder / CONFIG).unlink()


def _rules(section: ChannelSection, settings: Settings) -> Rules:
    return Rules(
        normal=section.normal,
        quiet=section.quiet,
        quiet_from=section.quiet_from,
        quiet_to=section.quiet_to,
        timezone=settings.risk.timezone,
        per_minute=section.per_minute,
    )


def _file(name: str) -> str:
    return str(Path(name).absolute()) if name else ""
