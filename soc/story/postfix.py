"""The mail server's pen: Postfix 3.7 with rspamd and ClamAV as milters, Dovecot behind it, all in one mail.log."""

from __future__ import annotations

from dataclasses import dataclass

from soc.story.journal import ORDINARY, Plot
from soc.story.linux import Linux
from soc.story.times import DAY, SECOND

_QUEUE_ID = "BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789"
_TLS = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) "
    "server-digest SHA256"
)
HAM = ("BAYES_HAM(-2.98){99.91%;}", "MIME_GOOD(-0.10){multipart/alternative;text/plain;}", "RCVD_TLS_ALL(0.00){}")
REJECT_SCORE = 15.0


@dataclass(frozen=True, slots=True)
class Client:
    """Who delivers to us: name is "unknown" without reverse DNS; user is the SASL account, or ""."""

    name: str
    address: str
    helo: str = ""
    user: str = ""
    encrypts: bool = True

    def __str__(self) -> str:
        return f"{self.name}[{self.address}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What rspamd makes of a mail."""

    score: float
    action: str = "no action"
    symbols: tuple[str, ...] = HAM

    @property
    def letter(self) -> str:
        """T from "add header" on, as rspamd counts spam."""
        return "T" if self.action in ("add header", "rewrite subject", "reject") else "F"


@dataclass(frozen=True, slots=True)
class Mail:
    """An envelope with what the log says of its content; subject as it stands in the header, encoded or raw."""

    sender: str
    recipients: tuple[str, ...]
    size: int
    subject: str
    message_id: str


class Postfix:
    """mx1: every method writes the lines of one thing that happens, and gives the time when it is over."""

    def __init__(self, host: Linux) -> None:
        self.host = host
        self.dice = host.dice

    def say(self, moment: int, daemon: str, pid: int, text: str, plot: Plot = ORDINARY) -> None:
        """One line of a Postfix daemon."""
        self.host.log(moment, f"postfix/{daemon}", pid, text, plot)

    def queue_id(self) -> str:
        """A long queue id (enable_long_queue_ids)."""
        return f"4c{self.dice.digits(_QUEUE_ID, 7)}z{self.dice.digits(_QUEUE_ID, 3)}"

    def message_id(self, domain: str) -> str:
        """As mail programs make them."""
        return f"{self.dice.hexadecimal(8)}-{self.dice.hexadecimal(4)}-{self.dice.hexadecimal(12)}@{domain}"

    def connect(self, moment: int, client: Client, plot: Plot = ORDINARY) -> int:
        """A client connects, encrypted; gives the smtpd's pid. Its daemon depends on whether it is one of ours."""
        pid = self.host.pid()
        daemon = daemon_for(client)
        self.say(moment, daemon, pid, f"connect from {client}", plot)
        if client.encrypts and not client.user:
            self.say(moment + 300_000, daemon, pid, f"Anonymous TLS connection established from {client}: {_TLS}", plot)
        return pid

    def disconnect(self, moment: int, client: Client, pid: int, mails: int, plot: Plot = ORDINARY) -> None:
        """The session's commands, counted."""
        auth = "auth=1 " if client.user else ""
        hello = "ehlo=2 starttls=1" if client.encrypts else "ehlo=1"
        data = f"mail={mails} rcpt={mails} data={mails} " if mails else ""
        total = (4 if client.encrypts else 2) + bool(auth) + 3 * mails
        self.say(
            moment,
            daemon_for(client),
            pid,
            f"disconnect from {client} {hello} {auth}{data}quit=1 commands={total}",
            plot,
        )

    def accept(
        self, moment: int, client: Client, pid: int, mail: Mail, verdict: Verdict, plot: Plot = ORDINARY
    ) -> tuple[int, str]:
        """A mail comes in, is judged, and either enters the queue or is refused; gives time and queue id ("" if refused)."""
        queue = self.queue_id()
        daemon, cleanup = daemon_for(client), pid + 3
        sasl = f", sasl_method=PLAIN, sasl_username={client.user}" if client.user else ""
        self.say(moment, daemon, pid, f"{queue}: client={client}{sasl}", plot)
        moment += self.dice.whole(80_000, 400_000)
        self.say(moment, "cleanup", cleanup, f"{queue}: message-id=<{mail.message_id}>", plot)
        if not client.user:
            envelope = f"from=<{mail.sender}> to=<{mail.recipients[0]}> proto=ESMTP helo=<{client.helo or client.name}>"
            header = f"{queue}: info: header Subject: {mail.subject} from {client}; {envelope}"
            self.say(moment, "cleanup", cleanup, header, plot)
        moment += self.dice.whole(200_000, 1_400_000)
        self.judge(moment, queue, client, mail, verdict, plot)
        if verdict.action == "reject":
            self.say(
                moment,
                "cleanup",
                cleanup,
                f"{queue}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Spam message rejected; from=<{mail.sender}> "
                f"to=<{mail.recipients[0]}> proto=ESMTP helo=<{client.helo or client.name}>",
                plot,
            )
            return moment, ""
        text = f"{queue}: from=<{mail.sender}>, size={mail.size}, nrcpt={len(mail.recipients)} (queue active)"
        self.say(moment + 30_000, "qmgr", 1105, text, plot)
        return moment + 60_000, queue

    def judge(
        self, moment: int, queue: str, client: Client, mail: Mail, verdict: Verdict, plot: Plot = ORDINARY
    ) -> None:
        """rspamd's task line in its default log format."""
        rcpts = ",".join(f"<{recipient}>" for recipient in mail.recipients)
        user = f"user: {client.user}, " if client.user else ""
        self.host.log(
            moment,
            "rspamd",
            1423,
            f"<{self.dice.hexadecimal(6)}>; proxy; rspamd_task_write_log: id: <{mail.message_id}>, qid: <{queue}>, "
            f"ip: {client.address}, {user}from: <{mail.sender}>, (default: {verdict.letter} ({verdict.action}): "
            f"[{verdict.score:.2f}/{REJECT_SCORE:.2f}] [{','.join(verdict.symbols)}]), len: {mail.size}, "
            f"time: {self.dice.whole(60, 900)}.{self.dice.whole(100, 999)}ms, dns req: {self.dice.whole(6, 44)}, "
            f"digest: <{self.dice.hexadecimal(32)}>, rcpts: {rcpts}, mime_rcpts: {rcpts}",
            plot,
        )

    def deliver_inside(self, moment: int, queue: str, mail: Mail, plot: Plot = ORDINARY) -> int:
        """Into the mailboxes, by LMTP to Dovecot."""
        pid = self.host.pid()
        for recipient in mail.recipients:
            took = self.dice.whole(4, 60)
            moment += took * 10_000
            self.say(
                moment,
                "lmtp",
                pid,
                f"{queue}: to=<{recipient}>, relay=mail.most.gov.vn[private/dovecot-lmtp], "
                f"delay=1.{took:02d}, delays=1.1/0.01/0.02/0.{took:02d}, dsn=2.0.0, status=sent "
                f"(250 2.0.0 <{recipient}> {self.dice.digits(_QUEUE_ID, 18)} Saved)",
                plot,
            )
        return self.removed(moment + 10_000, queue, plot)

    def deliver_outside(
        self, moment: int, queue: str, recipient: str, relay: str, address: str, plot: Plot = ORDINARY
    ) -> int:
        """To another domain's server."""
        pid = self.host.pid()
        seconds, hundredths = self.dice.whole(0, 3), self.dice.whole(10, 99)
        moment += seconds * SECOND + hundredths * 10_000
        self.say(
            moment,
            "smtp",
            pid,
            f"{queue}: to=<{recipient}>, relay={relay}[{address}]:25, delay={seconds + 1}.{hundredths}, "
            f"delays=0.6/0.01/0.{hundredths}/{seconds}.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {self.queue_id()})",
            plot,
        )
        return self.removed(moment + 10_000, queue, plot)

    def fail_outside(
        self, moment: int, queue: str, recipient: str, relay: str, answer: str, sender: str, plot: Plot = ORDINARY
    ) -> int:
        """Another server refuses for good (answer begins with 5) or for now (4); a refusal goes back as a bounce."""
        pid = self.host.pid()
        moment += self.dice.whole(500_000, 2_600_000)
        status, dsn = ("bounced", "5.1.1") if answer.startswith("5") else ("deferred", "4.7.1")
        host = relay.partition("[")[0]
        self.say(
            moment,
            "smtp",
            pid,
            f"{queue}: to=<{recipient}>, relay={relay}:25, delay=2.1, delays=0.5/0.02/0.8/0.78, dsn={dsn}, status={status} "
            f"(host {host}[{relay.partition('[')[2].rstrip(']')}] said: {answer} (in reply to RCPT TO command))",
            plot,
        )
        if status == "deferred":
            return moment
        bounce, number = self.queue_id(), self.message_id("mx1.most.gov.vn")
        self.say(moment + 20_000, "cleanup", pid + 2, f"{bounce}: message-id=<{number}>", plot)
        self.say(moment + 30_000, "bounce", pid + 4, f"{queue}: sender non-delivery notification: {bounce}", plot)
        self.say(
            moment + 40_000, "qmgr", 1105, f"{bounce}: from=<>, size=4{pid % 1000:03d}, nrcpt=1 (queue active)", plot
        )
        self.removed(moment + 50_000, queue, plot)
        back = Mail("", (sender,), 4096, "Undelivered Mail Returned to Sender", number)
        return self.deliver_inside(moment + 60_000, bounce, back, plot)

    def removed(self, moment: int, queue: str, plot: Plot = ORDINARY) -> int:
        """The queue is done with it."""
        self.say(moment, "qmgr", 1105, f"{queue}: removed", plot)
        return moment

    def wrong_password(self, moment: int, client: Client, account: str, plot: Plot = ORDINARY) -> None:
        """A mail program, or somebody else, that does not know the password."""
        pid = self.host.pid()
        self.say(moment, "submission/smtpd", pid, f"connect from {client}", plot)
        moment += self.dice.whole(900_000, 2_000_000)
        text = f"warning: {client}: SASL PLAIN authentication failed: authentication failure, sasl_username={account}"
        self.say(moment, "submission/smtpd", pid, text, plot)
        text = f"disconnect from {client} ehlo=2 starttls=1 auth=0/1 quit=1 commands=4/5"
        self.say(moment + 200_000, "submission/smtpd", pid, text, plot)

    def infected(self, moment: int, client: Client, mail: Mail, name: str, plot: Plot = ORDINARY) -> None:
        """A mail with a virus, refused by clamav-milter (LogInfected Full, OnInfected Reject)."""
        pid, queue = self.connect(moment, client, plot), self.queue_id()
        moment += 600_000
        self.say(moment, "smtpd", pid, f"{queue}: client={client}", plot)
        self.say(moment + 200_000, "cleanup", pid + 3, f"{queue}: message-id=<{mail.message_id}>", plot)
        moment += 900_000
        self.host.log(moment, "clamd", 812, f"instream(local): {name} FOUND", plot)
        self.host.log(
            moment,
            "clamav-milter",
            904,
            f"Message {queue} from <{mail.sender}> to <{mail.recipients[0]}> with subject '{mail.subject}' message-id "
            f"'<{mail.message_id}>' date 'Mon, {DAY.day} Oct {DAY.year} 09:12:40 +0700' infected by {name}",
            plot,
        )
        self.say(
            moment,
            "cleanup",
            pid + 3,
            f"{queue}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Command rejected; from=<{mail.sender}> "
            f"to=<{mail.recipients[0]}> proto=ESMTP helo=<{client.helo or client.name}>",
            plot,
        )
        self.disconnect(moment + 300_000, client, pid, 1, plot)


def daemon_for(client: Client) -> str:
    """Staff come in through the submission port, the world through port 25."""
    return "submission/smtpd" if client.user else "smtpd"
