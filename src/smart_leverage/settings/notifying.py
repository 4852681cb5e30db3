"""Who is told what: a section for each channel; what they have in common stands in each of them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from smart_leverage.notify.addresses import problem_of
from smart_leverage.notify.rules import minutes_of
from smart_leverage.settings.section import Positive, Section, Switch

Loudness = Literal["on", "silent", "off"]


class ChannelSection(Section):
    """What every channel has: urgent messages obey none of its levels, hours and rates."""

    enabled: Switch = Field(default="off", description="Whether this channel is told anything")
    normal: Loudness = Field(
        default="on", description="Normal messages: with a sound, without, or only counted"
    )
    quiet: Loudness = Field(default="silent", description="Quiet messages, as fills and denials")
    quiet_from: str = Field(
        default="", description="Quiet hours begin, as 22:30 in risk.timezone; empty for none"
    )
    quiet_to: str = Field(default="", description="Quiet hours end, as 07:00")
    per_minute: Annotated[float, Field(gt=0.0, le=600.0, allow_inf_nan=False)] = Field(
        default=20.0, description="So many messages a minute; more are counted in a digest"
    )

    @field_validator("quiet_from", "quiet_to")
    @classmethod
    def _is_time(cls, text: str) -> str:
        if text:
            minutes_of(text)
        return text


class TelegramSection(ChannelSection):
    """Messages of a Telegram bot in one chat."""

    chat: str = Field(default="", description="Number of the chat, or @name of a channel")
    token_file: str = Field(
        default="", description="File of the bot's token, mode 0600; else SLEV_TELEGRAM_TOKEN"
    )


class MailSection(ChannelSection):
    """Mail through a server that encrypts."""

    host: str = Field(default="", description="Name of the mail server")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        default=587, description="587 is usual for starttls, 465 for tls"
    )
    security: Literal["starttls", "tls"] = Field(
        default="starttls", description="How it encrypts; there is no other way"
    )
    sender: str = Field(default="", description="Address that messages come from")
    to: str = Field(default="", description="Addresses that are told, with commas between")
    user: str = Field(default="", description="Name to log in with; empty does not log in")
    password_file: str = Field(
        default="", description="File of the password, mode 0600; else SLEV_MAIL_PASSWORD"
    )


class WebhookSection(ChannelSection):
    """Signed JSON to an address of the public internet."""

    url: str = Field(default="", description="An https address; redirects are not followed")
    secret_file: str = Field(
        default="", description="File of the signing key, mode 0600; else SLEV_WEBHOOK_SECRET"
    )

    @field_validator("url")
    @classmethod
    def _is_right(cls, url: str) -> str:
        if url and (wrong := problem_of(url)):
            raise ValueError(f"it {wrong}")
        return url


class AppriseSection(ChannelSection):
    """Further services, with the extra `notify`; the how-to page lists which."""

    urls_file: str = Field(
        default="", description="File of addresses, one a line, mode 0600; else SLEV_APPRISE_URLS"
    )


class WatcherSection(Section):
    """An outside watcher that is pinged each minute while the account is alive."""

    enabled: Switch = Field(default="off", description="Whether it is pinged")
    url_file: str = Field(
        default="", description="File of its https address, mode 0600; else SLEV_WATCHER_URL"
    )


class NotifySection(Section):
    """What counts as trouble, and whether the days are stated; it changes no limit."""

    stale_after_s: Positive = Field(
        default=180.0, description="Without a valuation for so long the account is stale"
    )
    bot_silent_minutes: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = Field(
        default=0.0, description="A bot that asks for nothing for so long is told; 0 is never"
    )
    statements: Switch = Field(
        default="on", description="A statement at the close of each session, and of each week"
    )
    telegram: TelegramSection = TelegramSection()
    mail: MailSection = MailSection()
    webhook: WebhookSection = WebhookSection(per_minute=60.0)
    apprise: AppriseSection = AppriseSection()
    watcher: WatcherSection = WatcherSection()


_NEEDED: Mapping[str, Mapping[str, str]] = {
    "telegram": {"chat": "the number of a chat, as 123456789"},
    "mail": {
        "host": "the name of a mail server",
        "sender": "an address, as desk@example.org",
        "to": "one or more addresses",
    },
    "webhook": {"url": "an address, as https://example.org/hook"},
}


def lacking(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for everything that a channel lacks that is on.

    Args:
        values: By dotted key; what is missing is not judged.
    """
    for channel in ("telegram", "mail", "webhook", "apprise"):
        start = f"notify.{channel}"
        if values.get(f"{start}.enabled") != "on":
            continue
        for key, right in _NEEDED.get(channel, {}).items():
            if not str(values.get(f"{start}.{key}", " ")):
                yield f"{start}.{key}: is empty, and the channel is on; {right}"
        begin, end = values.get(f"{start}.quiet_from", ""), values.get(f"{start}.quiet_to", "")
        if bool(begin) != bool(end):
            missing = "quiet_to" if begin else "quiet_from"
            yield f"{start}.{missing}: is empty, and the other end is not; a time, as 07:00"
