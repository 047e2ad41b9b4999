"""FortiGate's security profiles (UTM) and events: URL filter, applications, IPS, anti-virus, administrators, VPN."""

from __future__ import annotations

from soc.story.fortigate import App, Fortigate, Policy, service
from soc.story.journal import ORDINARY, Plot
from soc.story.wire import Connection, uuid

_PASSED = {
    "ftgd_allow": ("notice", "0317013312", "passthrough", "URL belongs to an allowed category in policy"),
    "ftgd_blk": ("warning", "0316013056", "blocked", "URL belongs to a denied category in policy"),
}


def _policy(policy: Policy, session: int) -> str:
    return f'policyid={policy.id} poluuid="{uuid(policy.name)}" policytype="policy" sessionid={session}'


def webfilter(
    firewall: Fortigate,
    wire: Connection,
    policy: Policy,
    session: int,
    url: str,
    category: tuple[int, str],
    *,
    country: str,
    event: str = "ftgd_allow",
    agent: str = "",
    plot: Plot = ORDINARY,
) -> None:
    """The URL filter's verdict on one request."""
    level, logid, action, text = _PASSED[event]
    here, there = firewall.interface(wire.source), firewall.interface(wire.target)
    host = url.split("/")[2]
    # inside TLS the filter sees a name, neither method nor browser
    method = 'httpmethod="GET" ' if url.startswith("http:") else ""
    client = f'agent="{agent}" ' if agent else ""
    firewall.line(
        wire.start + 90_000,
        level,
        logid,
        f'type="utm" subtype="webfilter" eventtype="{event}" | {_policy(policy, session)} srcip={wire.source} '
        f'srcport={wire.source_port} srccountry="Reserved" srcintf="{here[0]}" srcintfrole="{here[1]}" '
        f'dstip={wire.target} dstport={wire.target_port} dstcountry="{country}" dstintf="{there[0]}" '
        f'dstintfrole="{there[1]}" proto=6 {method}service="{service(wire)}" hostname="{host}" {client}'
        f'profile="most-webfilter" action="{action}" reqtype="direct" url="{url}" sentbyte={min(wire.sent, 517)} '
        f'rcvdbyte=0 direction="outgoing" msg="{text}" ratemethod="domain" cat={category[0]} catdesc="{category[1]}"',
        plot,
    )


def application(
    firewall: Fortigate, wire: Connection, policy: Policy, session: int, app: App, host: str, country: str
) -> None:
    """An application recognised and let through."""
    here, there = firewall.interface(wire.source), firewall.interface(wire.target)
    firewall.line(
        wire.start + 140_000,
        "information",
        "1059028704",
        f'type="utm" subtype="app-ctrl" eventtype="signature" | appid={app[0]} srcip={wire.source} '
        f'srccountry="Reserved" dstip={wire.target} dstcountry="{country}" srcport={wire.source_port} '
        f'dstport={wire.target_port} srcintf="{here[0]}" srcintfrole="{here[1]}" dstintf="{there[0]}" '
        f'dstintfrole="{there[1]}" proto=6 service="{service(wire)}" direction="outgoing" '
        f'{_policy(policy, session)} applist="most-app" action="pass" appcat="{app[2]}" app="{app[1]}" '
        f'hostname="{host}" incidentserialno={session * 3 % 500_000_000} url="/" msg="{app[2]}: {app[1]}" '
        f'apprisk="{app[3]}"' + (f' scertcname="{host}"' if wire.target_port == 443 else ""),
    )


def intrusion(
    firewall: Fortigate,
    wire: Connection,
    policy: Policy,
    attack: tuple[int, str, str],
    *,
    country: str,
    host: str,
    url: str,
    action: str = "dropped",
    plot: Plot = ORDINARY,
) -> None:
    """An IPS signature (number, name, severity) that matched a request from the Internet."""
    here, there = firewall.interface(wire.source), firewall.interface(wire.target)
    number, name, severity = attack
    session = firewall.session(wire.start)
    firewall.line(
        wire.start + 60_000,
        "alert",
        "0419016384",
        f'type="utm" subtype="ips" eventtype="signature" | severity="{severity}" srcip={wire.source} '
        f'srccountry="{country}" dstip={wire.target} dstcountry="Vietnam" srcintf="{here[0]}" '
        f'srcintfrole="{here[1]}" dstintf="{there[0]}" dstintfrole="{there[1]}" sessionid={session} '
        f'action="{action}" proto=6 service="{service(wire)}" policyid={policy.id} poluuid="{uuid(policy.name)}" '
        f'policytype="policy" attack="{name}" srcport={wire.source_port} dstport={wire.target_port} '
        f'hostname="{host}" url="{url}" httpmethod="GET" direction="outgoing" attackid={number} profile="most-ips" '
        f'ref="http://www.fortinet.com/ids/VID{number}" incidentserialno={session * 3 % 500_000_000} '
        f'msg="{name}" crscore={50 if severity == "critical" else 30} craction=4096 crlevel="{severity}"',
        plot,
    )


def virus(
    firewall: Fortigate,
    wire: Connection,
    policy: Policy,
    session: int,
    name: str,
    url: str,
    sha256: str,
    *,
    country: str,
    agent: str,
    plot: Plot,
) -> None:
    """A download found infected by a profile that only watches."""
    here, there = firewall.interface(wire.source), firewall.interface(wire.target)
    firewall.line(
        wire.end,
        "notice",
        "0211008193",
        f'type="utm" subtype="virus" eventtype="infected" | {_policy(policy, session)} msg="File is infected." '
        f'action="monitored" service="{service(wire)}" srcip={wire.source} dstip={wire.target} '
        f'srcport={wire.source_port} dstport={wire.target_port} srccountry="Reserved" dstcountry="{country}" '
        f'srcintf="{here[0]}" srcintfrole="{here[1]}" dstintf="{there[0]}" dstintfrole="{there[1]}" '
        f'srcuuid="{uuid("address all")}" dstuuid="{uuid("address all")}" proto=6 direction="incoming" '
        f'filename="{url.rpartition("/")[2]}" quarskip="Quarantine-disabled" virus="{name}" viruscat="Virus" '
        f'dtype="av-engine" ref="http://www.fortinet.com/ve?vn={name}" virusid=10184211 url="{url}" '
        f'profile="most-av" agent="{agent}" httpmethod="GET" analyticscksum="{sha256}" analyticssubmit="false" '
        f'crscore=50 craction=2 crlevel="critical"',
        plot,
    )


def admin_login(firewall: Fortigate, moment: int, user: str, source: str, target: str, succeeded: bool) -> None:
    """An administrator at the firewall's own page."""
    ui = f"https({source})"
    where = f'sn="{moment // 1_000_000}" user="{user}" ui="{ui}" method="https" srcip={source} dstip={target}'
    if succeeded:
        firewall.line(
            moment,
            "information",
            "0100032001",
            f'type="event" subtype="system" | logdesc="Admin login successful" {where} action="login" '
            f'status="success" reason="none" profile="super_admin" '
            f'msg="Administrator {user} logged in successfully from {ui}"',
        )
        return
    firewall.line(
        moment,
        "alert",
        "0100032002",
        f'type="event" subtype="system" | logdesc="Admin login failed" {where} action="login" status="failed" '
        f'reason="passwd_invalid" msg="Administrator {user} login failed from {ui} because of invalid password"',
    )


def performance(firewall: Fortigate, moment: int, cpu: int, memory: int, sessions: int, uptime: int) -> None:
    """What the firewall says of itself every five minutes."""
    firewall.line(
        moment,
        "notice",
        "0100040704",
        f'type="event" subtype="system" | logdesc="System performance statistics" action="perf-stats" cpu={cpu} '
        f'mem={memory} totalsession={sessions} disk=4 bandwidth="{sessions * 9}/{sessions * 13}" '
        f'setuprate={sessions // 70} disklograte=0 fazlograte=0 freediskstorage=1409 sysuptime={uptime} waninfo="N/A" '
        f'msg="Performance statistics: average CPU: {cpu}, memory:  {memory}, concurrent sessions:  {sessions}, '
        f'setup-rate: {sessions // 70}"',
    )


def ssl_vpn(
    firewall: Fortigate, moment: int, user: str, remote: str, country: str, step: str, tunnel: int, inside: str = ""
) -> None:
    """SSL VPN: step is "up", "down" or "fail"."""
    tunneled = f"tunnelip={inside} " if inside else ""
    if step == "up":
        firewall.line(
            moment,
            "information",
            "0101039947",
            f'type="event" subtype="vpn" | logdesc="SSL VPN tunnel up" action="tunnel-up" tunneltype="ssl-tunnel" '
            f'tunnelid={tunnel} remip={remote} {tunneled}srccountry="{country}" user="{user}" group="VPN-CanBo" '
            f'dst_host="N/A" reason="tunnel established" msg="SSL tunnel established"',
        )
    elif step == "down":
        firewall.line(
            moment,
            "information",
            "0101039948",
            f'type="event" subtype="vpn" | logdesc="SSL VPN tunnel down" action="tunnel-down" '
            f'tunneltype="ssl-tunnel" tunnelid={tunnel} remip={remote} {tunneled}srccountry="{country}" '
            f'user="{user}" group="VPN-CanBo" dst_host="N/A" reason="N/A" duration={tunnel % 5400 + 600} '
            f'sentbyte={tunnel % 900_000} rcvdbyte={tunnel % 7_000_000} msg="SSL tunnel shutdown"',
        )
    else:
        firewall.line(
            moment,
            "alert",
            "0101039426",
            f'type="event" subtype="vpn" | logdesc="SSL VPN login fail" action="ssl-login-fail" tunneltype="ssl-web" '
            f'tunnelid=0 remip={remote} srccountry="{country}" user="{user}" group="N/A" dst_host="N/A" '
            f'reason="sslvpn_login_permission_denied" msg="SSL user failed to logged in"',
        )


def ipsec_statistics(firewall: Fortigate, moment: int, remote: str, name: str, counters: tuple[int, int, int]) -> None:
    """The site-to-site tunnel's counters (seconds, bytes sent, bytes received), every ten minutes."""
    seconds, sent, received = counters
    firewall.line(
        moment,
        "notice",
        "0101037141",
        f'type="event" subtype="vpn" | logdesc="IPsec tunnel statistics" msg="IPsec tunnel statistics" '
        f'action="tunnel-stats" remip={remote} locip=203.0.113.1 remport=500 locport=500 outintf="port1" '
        f'cookies="{uuid(name)[:8]}5b1c9d02/{uuid(name)[24:]}77e1" user="N/A" group="N/A" useralt="N/A" '
        f'xauthuser="N/A" xauthgroup="N/A" assignip=N/A vpntunnel="{name}" tunnelip=N/A tunnelid=2181038081 '
        f'tunneltype="ipsec" duration={seconds} sentbyte={sent} rcvdbyte={received} nextstat=600',
    )
