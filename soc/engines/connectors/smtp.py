"""Sends an e-mail of plain text. A mail server does not say what it has taken: of what is in doubt a person decides."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate

from soc.core.errors import SettingsError
from soc.core.responding import SmtpSettings
from soc.core.servers import trusting
from soc.core.settings import secret
from soc.engines.connectors.connector import TIMEOUT, Doubtful, NotDone


class Smtp:
    """The mail server of soc.yml."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def act(self, parameters: Mapping[str, str], key: str) -> str:
        to = parameters["to"]
        to = to if "@" in to else self._settings.mailboxes.get(to, "")
        if not to:
            raise NotDone(f"soc.yml has no playbooks.smtp.mailboxes.{parameters['to']}")
        message = self._message(parameters, to, key)
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException, SettingsError) as error:
            raise NotDone(f"cannot connect to the mail server: {error}") from error
        try:
            server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise NotDone(f"the mail server refused it: {error}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Doubtful(f"the connection broke: {error}") from error
        finally:
            _leave(server)
        return f"sent to {to}"

    def done(self, key: str) -> bool | None:
        return None

    def _message(self, parameters: Mapping[str, str], to: str, key: str) -> EmailMessage:
        """The key is the Message-ID, so that a mailbox shows one message even if it came twice."""
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = to
        message["Subject"] = " ".join(parameters["subject"].split())[:200]
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{key}@{self._settings.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(parameters["text"])
        return message

    def _connected(self) -> smtplib.SMTP:
        own = self._settings
        context = trusting(own.ca, "playbooks.smtp.ca") if own.ca else ssl.create_default_context()
        if own.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(own.host, own.port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(own.host, own.port, timeout=TIMEOUT)
        try:
            if own.tls == "starttls":
                server.starttls(context=context)
            if own.user:
                server.login(own.user, secret(own.password_file))
        except BaseException:
            server.close()
            raise
        return server


def _leave(server: smtplib.SMTP) -> None:
    """What the server says at the end changes nothing: the message is with it, or not."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
