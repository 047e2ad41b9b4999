"""The mail server's pen: Postfix 3.7 with rspamd and ClamAV as milters, Dovecot behind it, all in one mail.log."""

from __future__ import annotations

from dataclasses import dataclass

from soc.story.journal import ORDINARY, Plot
from soc.story.linux import Linux
from soc.story.times import DAY, SECOND, clock

_TLS = (
    "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 "
    "server-signature RSA-PSS (2048 bits) server-digest SHA256"
)
_BASE52 = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"

Symbol = tuple[str, int, str]  # name, weight in hundredths, options
HAM: tuple[Symbol, ...] = (
    ("BAYES_HAM", -298, "99.91%;"),
    ("MIME_GOOD", -10, "multipart/alternative;text/plain;"),
    ("RCVD_TLS_ALL", 0, ""),
)


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

    @property
    def daemon(self) -> str:
        """Staff come in through the submission port, the world through port 25."""
        return "submission/smtpd" if self.user else "smtpd"


@dataclass(frozen=True, slots=True)
class Mail:
    """An envelope with what the log says of its content; subject as it stands in the header, encoded or raw."""

    sender: str
    recipients: tuple[str, ...]
    size: int
    subject: str
    message_id: str


def verdict(symbols: tuple[Symbol, ...]) -> tuple[str, int]:
    """What rspamd does with a sum of weights (in hundredths): its default thresholds, without greylisting."""
    score = sum(weight for _, weight, _ in symbols)
    return ("reject" if score >= 1500 else "add header" if score >= 600 else "no action"), score


class Postfix:
    """mx1: every method writes the lines of one thing that happens; most give the time when it is over."""

    def __init__(self, host: Linux) -> None:
        self.host = host
        self.dice = host.dice

    def say(self, moment: int, daemon: str, pid: int, text: str, plot: Plot = ORDINARY) -> None:
        """One line of a Postfix daemon."""
        self.host.log(moment, f"postfix/{daemon}", pid, text, plot)

    def queue_id(self, moment: int) -> str:
        """A long queue id (enable_long_queue_ids): seconds, microseconds and inode to the base of 52."""
        inode = self.dice.whole(2_000_000, 6_800_000)
        return f"{_base(moment // SECOND, 6, 52)}{_base(moment % SECOND, 4, 52)}z{_base(inode, 4, 51)}"

    def message_id(self, domain: str) -> str:
        """As mail programs make them."""
        groups = "-".join(self.dice.hexadecimal(length) for length in (8, 4, 4, 4, 12))
        return f"{groups}@{domain}"

    def connect(self, moment: int, client: Client, plot: Plot = ORDINARY) -> int:
        """A client connects, encrypted or not; gives the smtpd's pid."""
        pid = self.host.pid(moment)
        self.say(moment, client.daemon, pid, f"connect from {client}", plot)
        if client.encrypts and not client.user:
            text = f"Anonymous TLS connection established from {client}: {_TLS}"
            self.say(moment + 300_000, client.daemon, pid, text, plot)
        return pid

    def disconnect(
        self, moment: int, client: Client, pid: int, recipients: int = 1, mails: int = 1, refused: bool = False,
        plot: Plot = ORDINARY,
    ) -> None:  # fmt: skip
        """The session's commands, counted: good/all where some failed."""
        hello = "ehlo=2 starttls=1" if client.encrypts else "ehlo=1"
        auth = " auth=1" if client.user else ""
        total = (4 if client.encrypts else 2) + bool(auth) + 2 * mails + recipients
        data = f"0/{mails}" if refused else str(mails)
        commands = f"{total - mails}/{total}" if refused else str(total)
        text = f"{hello}{auth} mail={mails} rcpt={recipients} data={data} quit=1 commands={commands}"
        self.say(moment, client.daemon, pid, f"disconnect from {client} {text}", plot)

    def accept(
        self, moment: int, client: Client, pid: int, mail: Mail, symbols: tuple[Symbol, ...], plot: Plot = ORDINARY
    ) -> tuple[int, str]:
        """A mail comes in and enters the queue or is refused; gives time and queue id ("" if refused)."""
        queue, cleanup = self.queue_id(moment), pid + 3
        sasl = f", sasl_method=PLAIN, sasl_username={client.user}" if client.user else ""
        self.say(moment, client.daemon, pid, f"{queue}: client={client}{sasl}", plot)
        moment += self.dice.whole(80_000, 400_000)
        self.say(moment, "cleanup", cleanup, f"{queue}: message-id=<{mail.message_id}>", plot)
        envelope = f"from=<{mail.sender}> to=<{mail.recipients[0]}> proto=ESMTP helo=<{client.helo or client.name}>"
        if not client.user:
            header = f"{queue}: info: header Subject: {mail.subject} from {client}; {envelope}"
            self.say(moment, "cleanup", cleanup, header, plot)
        moment += self.dice.whole(200_000, 1_400_000)
        action = self._judge(moment, queue, client, mail, symbols, plot)
        if action == "reject":
            reason = f"milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Spam message rejected; {envelope}"
            self.say(moment, "cleanup", cleanup, f"{queue}: {reason}", plot)
            return moment, ""
        text = f"{queue}: from=<{mail.sender}>, size={mail.size}, nrcpt={len(mail.recipients)} (queue active)"
        self.say(moment + 30_000, "qmgr", 1105, text, plot)
        return moment + 60_000, queue

    def _judge(
        self, moment: int, queue: str, client: Client, mail: Mail, symbols: tuple[Symbol, ...], plot: Plot
    ) -> str:
        """rspamd's task line in its default log format (rspamd.com, "Logging settings"); gives the action."""
        action, score = verdict(symbols)
        listed = ",".join(f"{name}({weight / 100:.2f}){{{options}}}" for name, weight, options in symbols)
        rcpts = ",".join(f"<{recipient}>" for recipient in mail.recipients)
        user = f"user: {client.user}, " if client.user else ""
        self.host.log(
            moment,
            "rspamd",
            1423,
            f"<{self.dice.hexadecimal(6)}>; proxy; rspamd_task_write_log: id: <{mail.message_id}>, qid: <{queue}>, "
            f"ip: {client.address}, {user}from: <{mail.sender}>, (default: {'F' if action == 'no action' else 'T'} "
            f"({action}): [{score / 100:.2f}/15.00] [{listed}]), len: {mail.size}, "
            f"time: {self.dice.whole(60, 900)}.{self.dice.whole(100, 999)}ms, dns req: {self.dice.whole(6, 44)}, "
            f"digest: <{self.dice.hexadecimal(32)}>, rcpts: {rcpts}, mime_rcpts: {rcpts}",
            plot,
        )
        return action

    def deliver_inside(self, moment: int, queue: str, mail: Mail, plot: Plot = ORDINARY) -> int:
        """Into the mailboxes, by LMTP to Dovecot."""
        pid = self.host.pid(moment)
        for recipient in mail.recipients:
            took = self.dice.whole(4, 60)
            moment += took * 10_000
            self.say(
                moment,
                "lmtp",
                pid,
                f"{queue}: to=<{recipient}>, relay=mail.most.gov.vn[private/dovecot-lmtp], "
                f"delay=1.{took:02d}, delays=1.1/0.01/0.02/0.{took:02d}, dsn=2.0.0, status=sent "
                f"(250 2.0.0 <{recipient}> {self.dice.digits(_BASE52, 18)} Saved)",
                plot,
            )
        return self._removed(moment + 10_000, queue, plot)

    def deliver_outside(
        self, moment: int, queue: str, recipient: str, relay: tuple[str, str], plot: Plot = ORDINARY
    ) -> int:
        """To another domain's server (name, address)."""
        pid = self.host.pid(moment)
        seconds, hundredths = self.dice.whole(0, 3), self.dice.whole(10, 99)
        moment += seconds * SECOND + hundredths * 10_000
        self.say(
            moment,
            "smtp",
            pid,
            f"{queue}: to=<{recipient}>, relay={relay[0]}[{relay[1]}]:25, delay={seconds + 1}.{hundredths}, "
            f"delays=0.6/0.01/0.{hundredths}/{seconds}.2, dsn=2.0.0, status=sent "
            f"(250 2.0.0 Ok: queued as {self.queue_id(moment)})",
            plot,
        )
        return self._removed(moment + 10_000, queue, plot)

    def fail_outside(
        self, moment: int, queue: str, mail: Mail, relay: tuple[str, str], answer: str, plot: Plot = ORDINARY
    ) -> int:
        """Another server refuses for good (answer begins with 5) or for now (4); a refusal goes back as a bounce."""
        pid = self.host.pid(moment)
        moment += self.dice.whole(500_000, 2_600_000)
        status = "bounced" if answer.startswith("5") else "deferred"
        self.say(
            moment,
            "smtp",
            pid,
            f"{queue}: to=<{mail.recipients[0]}>, relay={relay[0]}[{relay[1]}]:25, delay=2.1, "
            f"delays=0.5/0.02/0.8/0.78, dsn={answer.split()[1]}, status={status} "
            f"(host {relay[0]}[{relay[1]}] said: {answer} (in reply to RCPT TO command))",
            plot,
        )
        if status == "deferred":
            return moment
        bounce, number = self.queue_id(moment + 20_000), self.message_id("mx1.most.gov.vn")
        self.say(moment + 20_000, "cleanup", pid + 2, f"{bounce}: message-id=<{number}>", plot)
        self.say(moment + 30_000, "bounce", pid + 4, f"{queue}: sender non-delivery notification: {bounce}", plot)
        text = f"{bounce}: from=<>, size=4{pid % 1000:03d}, nrcpt=1 (queue active)"
        self.say(moment + 40_000, "qmgr", 1105, text, plot)
        self._removed(moment + 50_000, queue, plot)
        back = Mail("", (mail.sender,), 4096, "Undelivered Mail Returned to Sender", number)
        return self.deliver_inside(moment + 60_000, bounce, back, plot)

    def _removed(self, moment: int, queue: str, plot: Plot) -> int:
        self.say(moment, "qmgr", 1105, f"{queue}: removed", plot)
        return moment

    def wrong_password(
        self, moment: int, client: Client, account: str, login: bool = False, plot: Plot = ORDINARY
    ) -> None:
        """A mail program, or somebody else, that does not know the password; login for the LOGIN method."""
        pid = self.host.pid(moment)
        self.say(moment, "submission/smtpd", pid, f"connect from {client}", plot)
        moment += self.dice.whole(900_000, 2_000_000)
        failed = "LOGIN authentication failed: UGFzc3dvcmQ6" if login else "PLAIN authentication failed: "
        self.say(moment, "submission/smtpd", pid, f"warning: {client}: SASL {failed}, sasl_username={account}", plot)
        text = f"disconnect from {client} ehlo=2 starttls=1 auth=0/1 quit=1 commands=4/5"
        self.say(moment + 200_000, "submission/smtpd", pid, text, plot)

    def infected(self, moment: int, client: Client, mail: Mail, name: str) -> None:
        """A mail with a virus, refused by clamav-milter (LogInfected Full, OnInfected Reject)."""
        sent, pid = clock(moment), self.connect(moment, client)
        moment += 600_000
        queue = self.queue_id(moment)
        self.say(moment, "smtpd", pid, f"{queue}: client={client}")
        self.say(moment + 200_000, "cleanup", pid + 3, f"{queue}: message-id=<{mail.message_id}>")
        moment += 900_000
        self.host.log(moment, "clamd", 812, f"instream(local): {name} FOUND")
        self.host.log(
            moment,
            "clamav-milter",
            904,
            f"Message {queue} from <{mail.sender}> to <{mail.recipients[0]}> with subject '{mail.subject}' message-id "
            f"'<{mail.message_id}>' date 'Mon, {DAY.day} Oct {DAY.year} {sent} +0700' infected by {name}",
        )
        envelope = f"from=<{mail.sender}> to=<{mail.recipients[0]}> proto=ESMTP helo=<{client.helo}>"
        reason = f"milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Command rejected; {envelope}"
        self.say(moment, "cleanup", pid + 3, f"{queue}: {reason}")
        self.disconnect(moment + 300_000, client, pid, refused=True)


def _base(number: int, length: int, base: int) -> str:
    digits = ""
    while number or len(digits) < length:
        number, digit = divmod(number, base)
        digits = _BASE52[digit] + digits
    return digits
