"""A few lines that arrived damaged, as they do: cut by UDP, or by a disk that was full for a moment."""

from __future__ import annotations

from soc.story import suricata
from soc.story.journal import BROKEN
from soc.story.stage import Stage
from soc.story.times import access_stamp, at, eve_stamp, fortigate_stamp
from soc.story.visitors import PORTAL_ACCESS


def play(stage: Stage) -> None:
    """Six lines in three files; a parser that takes one of them for a whole line is wrong."""
    add = stage.journal.add
    add(stage.fw113.file, at("08:52:07"), f"<189>{fortigate_stamp(at('08:52:07'))} devname=", BROKEN)
    tail = 'cintfrole="lan" dstip=198.19.10.4 dstport=443 dstintf="port1" dstintfrole="wan" srccountry="Reserved" dstc'
    add(stage.fw113.file, at("10:21:44"), tail, BROKEN)
    for clock in ("09:18:30", "09:18:31", "10:44:02"):
        moment = at(clock)
        head = f'{{"timestamp":"{eve_stamp(moment)}","flow_id":1184420071923,"in_iface":"ens192","event_type":"flow",'
        add(suricata.FILE, moment, f'{head}"src_ip":"10.1.50.17","src_port":50112,"dest_ip":"198.19.', BROKEN)
    add(PORTAL_ACCESS, at("09:47:19"), f"198.18.140.7 - - [{access_stamp(at('09:47:19'))[:16]}", BROKEN)
