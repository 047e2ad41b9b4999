"""A Linux server's pen: sshd, sudo, PAM, cron and systemd through traditional syslog (RFC 3164, no year).

Texts are those of OpenSSH 9.2, sudo 1.9, Linux-PAM 1.5 and shadow 4.13, as in Debian 12.
"""

from __future__ import annotations

from soc.story.chance import Dice
from soc.story.journal import ORDINARY, Journal, Plot
from soc.story.times import MIDNIGHT, SECOND, syslog_stamp

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Linux:
    """One server writing into one file."""

    def __init__(self, journal: Journal, host: str, file: str, dice: Dice) -> None:
        self.host = host
        self.file = file
        self.dice = dice
        self._journal = journal
        self._auth_only = file.endswith("auth.log")
        self._first_pid = dice.whole(18_000, 60_000)
        self._pids: set[int] = set()
        self._login = dice.whole(200, 900)

    def pid(self, moment: int) -> int:
        """A process that starts at that time: numbers grow, and no two are the same."""
        number = self._first_pid + (moment - MIDNIGHT) // 380_000
        while number in self._pids:
            number += 1
        self._pids.add(number)
        return number

    def log(self, moment: int, program: str, pid: int, text: str, plot: Plot = ORDINARY) -> None:
        """One line; pid 0 for programs that do not give theirs (sudo)."""
        tag = f"{program}[{pid}]" if pid else program
        self._journal.add(self.file, moment, f"{syslog_stamp(moment)} {self.host} {tag}: {text}", plot)

    def cron(self, moment: int, user: str, command: str) -> None:
        """A job of the crontab, with its PAM session; auth.log holds only the session."""
        pid = self.pid(moment)
        uid = {"root": 0, "www-data": 33, "nasati": 1001}.get(user, 1000)
        self.log(moment, "CRON", pid, f"pam_unix(cron:session): session opened for user {user}(uid={uid}) by (uid=0)")
        if not self._auth_only:
            self.log(moment, "CRON", pid + 1, f"({user}) CMD ({command})")
        self.log(moment + 2 * SECOND, "CRON", pid, f"pam_unix(cron:session): session closed for user {user}")

    def key_login(self, moment: int, user: str, source: str, minutes: int) -> None:
        """A person or a job logs in by key, and out again after that many minutes."""
        pid, port, number = self.pid(moment), self.dice.whole(32_800, 60_900), self.session()
        key = self.dice.digits(_BASE64, 43)
        uid = 1000 + len(user) % 7
        self.log(
            moment, "sshd", pid, f"Accepted publickey for {user} from {source} port {port} ssh2: ED25519 SHA256:{key}"
        )
        self._opened(moment, pid, user, uid, number)
        end = moment + minutes * 60 * SECOND
        self.log(end, "sshd", pid + 2, f"Received disconnect from {source} port {port}:11: disconnected by user")
        self.log(end, "sshd", pid + 2, f"Disconnected from user {user} {source} port {port}")
        self.log(end, "sshd", pid, f"pam_unix(sshd:session): session closed for user {user}")
        self.log(end, "systemd-logind", 611, f"Session {number} logged out. Waiting for processes to exit.")
        self.log(end, "systemd-logind", 611, f"Removed session {number}.")

    def session(self) -> int:
        """The next login session's number."""
        self._login += 1
        return self._login

    def _opened(self, moment: int, pid: int, user: str, uid: int, number: int, plot: Plot = ORDINARY) -> None:
        self.log(
            moment, "sshd", pid, f"pam_unix(sshd:session): session opened for user {user}(uid={uid}) by (uid=0)", plot
        )
        self.log(moment, "systemd-logind", 611, f"New session {number} of user {user}.", plot)

    def password_login(self, moment: int, user: str, uid: int, source: str, port: int, plot: Plot = ORDINARY) -> None:
        """A password that was right."""
        pid = self.pid(moment)
        self.log(moment, "sshd", pid, f"Accepted password for {user} from {source} port {port} ssh2", plot)
        self._opened(moment, pid, user, uid, self.session(), plot)

    def wrong_passwords(
        self, moment: int, user: str, source: str, port: int, count: int, known: bool = True, plot: Plot = ORDINARY
    ) -> int:
        """Several wrong passwords on one connection (six at most, MaxAuthTries); gives the time it ends."""
        pid = self.pid(moment)
        name = user if known else f"invalid user {user}"
        if not known:
            self.log(moment, "sshd", pid, f"Invalid user {user} from {source} port {port}", plot)
            self.log(moment, "sshd", pid, "pam_unix(sshd:auth): check pass; user unknown", plot)
        who = f" user={user}" if known else ""
        rest = f"logname= uid=0 euid=0 tty=ssh ruser= rhost={source} {who}"
        self.log(moment, "sshd", pid, f"pam_unix(sshd:auth): authentication failure; {rest}", plot)
        for turn in range(count):
            moment += self.dice.whole(1_900_000, 2_900_000)
            self.log(moment, "sshd", pid, f"Failed password for {name} from {source} port {port} ssh2", plot)
            if not known and turn < count - 1:
                self.log(moment, "sshd", pid, "pam_unix(sshd:auth): check pass; user unknown", plot)
        peer = f"{'authenticating' if known else 'invalid'} user {user} {source} port {port}"
        if count >= 6:
            error = (
                f"error: maximum authentication attempts exceeded for {name} from {source} port {port} ssh2 [preauth]"
            )
            self.log(moment, "sshd", pid, error, plot)
            self.log(moment, "sshd", pid, f"Disconnecting {peer}: Too many authentication failures [preauth]", plot)
        else:
            self.log(moment + 400_000, "sshd", pid, f"Connection closed by {peer} [preauth]", plot)
        if count > 1:
            more = f"PAM {count - 1} more authentication failure{'s' if count > 2 else ''}; {rest}"
            self.log(moment + 400_000, "sshd", pid, more, plot)
        return moment

    def sudo(self, moment: int, user: str, uid: int, command: str, tty: str = "pts/0", plot: Plot = ORDINARY) -> None:
        """A command as root, with its PAM session."""
        where = f"TTY={tty} ; PWD=/home/{user} ; USER=root ; COMMAND={command}"
        self.log(moment, "sudo", 0, f"{user:>8} : {where}", plot)
        opened = f"pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid={uid})"
        self.log(moment, "sudo", 0, opened, plot)
        self.log(moment + SECOND, "sudo", 0, "pam_unix(sudo:session): session closed for user root", plot)
