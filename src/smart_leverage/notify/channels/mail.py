"""Mail: one message each over a connection that is encrypted before anything is said."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.notify.config import Mail
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.message import Level
from smart_leverage.notify.post import Parcel
from smart_leverage.notify.secrets import Secret

TIMEOUT_S = 10.0
SUBJECT_MAX = 160
_PRIORITIES = {Level.URGENT: "1 (Highest)", Level.NORMAL: "3 (Normal)", Level.QUIET: "5 (Lowest)"}


class MailChannel:
    """Sends by SMTP with STARTTLS or TLS; a server that offers neither gets nothing."""

    name = "mail"

    def __init__(
        self, config: Mail, password: Secret | None, trust: ssl.SSLContext | None = None
    ) -> None:
        """Take server and addresses; `trust` is another one in tests only."""
        self._config = config
        self._password = password
        self._trust = trust or ssl.create_default_context()

    def send(self, parcel: Parcel) -> Outcome:
        """Try once; see `Channel.send`."""
        is_said = False
        try:
            with self._connected() as server:
                if self._config.user and self._password is not None:
                    server.login(self._config.user, self._password.reveal())
                is_said = True
                refused = server.send_message(self._message(parcel))
        except smtplib.SMTPResponseException as error:
            return Outcome(is_sent=False, why=_said(error))
        except smtplib.SMTPRecipientsRefused:
            return Outcome(is_sent=False, why="no recipient was accepted")
        except ssl.SSLCertVerificationError:
            return Outcome(is_sent=False, why="its certificate is not believed")
        except smtplib.SMTPNotSupportedError:
            return Outcome(is_sent=False, why="the server offers no encryption, or no login")
        except (OSError, smtplib.SMTPException) as error:
            why = f"no answer within {TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else ""
            why = why or f"not reachable: {type(error).__name__}"
            return Outcome(is_sent=False, why=why, may_have_come=is_said)
        if refused:
            why = f"{len(refused)} of {len(self._config.to)} recipients were refused"
            return Outcome(is_sent=False, why=why, may_have_come=True)
        return Outcome(is_sent=True)

    def _connected(self) -> smtplib.SMTP:
        """Return a connection that is encrypted and whose server is who it says."""
        config = self._config
        if config.security == "tls":
            return smtplib.SMTP_SSL(
                config.host, config.port, timeout=TIMEOUT_S, context=self._trust
            )
        server = smtplib.SMTP(config.host, config.port, timeout=TIMEOUT_S)
        try:
            server.starttls(context=self._trust)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, parcel: Parcel) -> EmailMessage:
        message = EmailMessage()
        first, _, _ = parcel.text.partition("\n")
        message["Subject"] = first[:SUBJECT_MAX]
        message["From"] = self._config.sender
        message["To"] = ", ".join(self._config.to)
        message["Date"] = format_datetime(datetime.fromtimestamp(parcel.at_ns // SECOND_NS, UTC))
        message["Message-ID"] = make_msgid(parcel.name, self._config.sender.rpartition("@")[2])
        message["X-Priority"] = "5 (Lowest)" if parcel.is_silent else _PRIORITIES[parcel.level]
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(parcel.text)
        return message


def _said(error: smtplib.SMTPResponseException) -> str:
    """Return the server's own number, and its words where they cannot repeat a password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the login was refused with {error.smtp_code}"
    words = error.smtp_error
    text = words.decode("utf-8", errors="replace") if isinstance(words, bytes) else str(words)
    return f"refused with {error.smtp_code}: {' '.join(text.split())[:120]}"
