"""Ordinary scene: servers run their jobs, administrators log in, and somebody mistypes a password."""

from __future__ import annotations

from soc.story import cast
from soc.story.chance import Dice
from soc.story.linux import Linux
from soc.story.sites import stranger
from soc.story.stage import Stage
from soc.story.times import MINUTE, SECOND, at, even_moments, regular_moments, working_moments


def play(stage: Stage) -> None:
    """Three Linux servers."""
    dice = stage.dice("admins")
    _nasati(stage.nasati, dice)
    _mail_server(stage.mx1.host, dice)
    _file_server(stage.files, dice)
    for moment in regular_moments(dice, 10 * MINUTE, 0.05):
        stage.files.log(moment, "systemd", 1, "Starting sysstat-collect.service - system activity accounting tool...")
        stage.files.log(moment, "systemd", 1, "sysstat-collect.service: Deactivated successfully.")
        stage.files.log(moment, "systemd", 1, "Finished sysstat-collect.service - system activity accounting tool.")


def _nasati(host: Linux, dice: Dice) -> None:
    for moment in regular_moments(dice, 5 * MINUTE, start=at("07:00:01"), end=at("11:30:00")):
        host.cron(moment, "www-data", "/usr/bin/php /var/www/vista/cron.php --quiet")
    for moment in regular_moments(dice, 15 * MINUTE, start=at("07:09:01"), end=at("11:30:00")):
        host.cron(moment, "root", "cd / && run-parts --report /etc/cron.hourly")
    # deploy job every hour by key, and the unit's own administrator, who mistypes twice
    for moment in regular_moments(dice, 60 * MINUTE, start=at("07:20:14"), end=at("11:30:00")):
        host.key_login(moment, "deploy", "10.1.52.20", 1)
    end = host.wrong_passwords(at("08:05:30"), "quantri", "10.4.50.12", 51_002, 2)
    host.password_login(end + 6 * SECOND, "quantri", 1001, "10.4.50.12", 51_014)
    for clock, command in (
        ("08:07:10", "/usr/bin/systemctl reload apache2"),
        ("08:31:44", "/usr/bin/apt-get update"),
        ("08:33:02", "/usr/bin/apt-get -y upgrade"),
        ("10:12:57", "/usr/bin/tail -n 200 /var/log/apache2/error.log"),
    ):
        host.sudo(at(clock), "quantri", 1001, command)
    # the Internet tries a name or two and goes away
    for moment in even_moments(dice, 26):
        address, _ = stranger(dice)
        port = dice.whole(32_000, 60_000)
        if dice.chance(0.5):
            host.wrong_passwords(moment, dice.pick(("admin", "oracle", "test", "ubnt")), address, port, 1, known=False)
        else:
            pid = host.pid(moment)
            host.log(moment, "sshd", pid, "error: kex_exchange_identification: Connection closed by remote host")
            host.log(moment, "sshd", pid, f"Connection closed by {address} port {port}")
    for moment in regular_moments(dice, 3 * SECOND, 0.4, start=at("07:36:00"), end=at("07:36:20")):
        text = f"Connection closed by {cast.SCANNER} port {dice.whole(33_000, 60_900)} [preauth]"
        host.log(moment, "sshd", host.pid(moment), text)


def _mail_server(host: Linux, dice: Dice) -> None:
    for moment in regular_moments(dice, 10 * MINUTE, start=at("07:05:01"), end=at("11:30:00")):
        host.cron(moment, "root", "command -v debian-sa1 > /dev/null && debian-sa1 1 1")
        host.log(moment + 3 * SECOND, "clamd", 812, "SelfCheck: Database status OK.")
    for clock in ("07:31:10", "09:31:11"):
        host.log(at(clock), "freshclam", 701, "ClamAV update process started at Mon Oct  5 " + clock + " 2026")
        for name, version in (("daily", 27_781), ("main", 62), ("bytecode", 339)):
            kind = "cld" if name == "daily" else "cvd"
            host.log(at(clock) + SECOND, "freshclam", 701, f"{name}.{kind} database is up-to-date (version: {version}, "
                     f"sigs: {2_077_000 + version}, f-level: 90, builder: raynman)")  # fmt: skip
    admin = cast.ADMINS[1]
    host.key_login(at("08:40:12"), "ops", admin.address, 35)
    for clock, command in (("08:41:03", "/usr/sbin/postqueue -p"), ("08:44:29", "/usr/bin/systemctl reload postfix")):
        host.sudo(at(clock), "ops", 1000, command)
    host.log(at("08:44:30"), "postfix/postfix-script", 31_007, "refreshing the Postfix mail system")
    host.log(at("08:44:30"), "postfix/master", 1101, "reload -- version 3.7.11, configuration /etc/postfix")
    for moment in even_moments(dice, 40):
        host.log(moment, "systemd", 1, dice.pick((
            "Starting fstrim.service - Discard unused blocks on filesystems from /etc/fstab...",
            "Started session-c2.scope - Session c2 of User root.",
            "logrotate.service: Deactivated successfully.",
            "Starting man-db.service - Daily man-db regeneration...",
        )))  # fmt: skip


def _file_server(host: Linux, dice: Dice) -> None:
    for moment in regular_moments(dice, 10 * MINUTE, start=at("07:00:31"), end=at("11:30:00")):
        host.log(moment, "clamd", 611, "SelfCheck: Database status OK.")
    for moment in regular_moments(dice, 30 * MINUTE, start=at("07:17:01"), end=at("11:30:00")):
        host.cron(moment, "root", "/usr/local/sbin/quota-report")
    for moment in working_moments(dice, 160):
        person = dice.pick(cast.OFFICE_VP)
        share = dice.pick(("vanphong", "dungchung", "congvan-den"))
        action = dice.pick(("openat|ok|r|", "openat|ok|w|", "mkdirat|ok|", "renameat|ok|"))
        name = f"{share}/2026/10/{dice.pick(('to-trinh', 'bao-cao', 'du-thao', 'lich-hop'))}-{dice.whole(10, 99)}.docx"
        host.log(
            moment, "smbd_audit", 2_200 + dice.whole(0, 9), f"{person.login}|{person.address}|{share}|{action}{name}"
        )
