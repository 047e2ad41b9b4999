"""Bringing in packs: every kind of archive, real HTTP, hostile archives, versions that replace each other."""

import gzip
import io
import lzma
import stat
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from soc.core.errors import SocError
from soc.core.settings import Settings
from soc.engines.bring import bring, pack_name, put
from soc.engines.fetch import fetch
from soc.engines.reload import new_problems
from soc.engines.unpack import unpack
from soc.pipeline.build import content_of
from soc.pipeline.changes import changes, within
from soc.pipeline.content import load_content
from soc.pipeline.packs import packs_in, read_manifest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RULE = """\
title: {title}
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a00{n}
logsource: {{product: linux, service: {service}}}
detection: {{a: {{user.name: root}}, condition: a}}
level: high
"""
FILES = {
    "pack-1.0/rules/one.yml": RULE.format(title="One", n=1, service="sshd"),
    "pack-1.0/rules/two.yaml": RULE.format(title="Two", n=2, service="sshd"),
    "pack-1.0/README.md": "# read me",
    "pack-1.0/.github/workflows/test.yml": "on: push",
}
NOW = "2026-11-23T08:00:00Z"


def tarred(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


KINDS: dict[str, Callable[[dict[str, str]], bytes]] = {
    ".zip": zipped,
    ".tar": tarred,
    ".tar.gz": lambda files: gzip.compress(tarred(files)),
    ".tar.xz": lambda files: lzma.compress(tarred(files)),
    ".tar.zst": lambda files: zstd.compress(tarred(files)),
}


class Serving(BaseHTTPRequestHandler):
    """Gives /pack.zip, and leads elsewhere."""

    body = zipped(FILES)

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/pack.zip":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.body)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"cut")
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Serving)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_archive_gives_its_rules_and_counts_the_rest(kind: str) -> None:
    raw = KINDS[kind](FILES)
    found = unpack("pack", raw)
    assert sorted(found.files) == ["rules/one.yml", "rules/two.yaml"] or sorted(found.files) == ["one.yml", "two.yaml"]
    assert found.kept_out == {"not YAML": 1, "hidden": 1}
    assert found.sha256 == sha256(raw).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../out.yml", "/etc/out.yml", "a/../../out.yml", "C:\\out.yml", "a\\b.yml"])
def test_a_name_that_leads_out_refuses_the_whole(kind: str, name: str) -> None:
    with pytest.raises(SocError, match="unsafe name"):
        unpack("pack", KINDS[kind]({**FILES, name: "title: out"}))


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_differ_in_case_and_nested_archives_are_counted(kind: str) -> None:
    found = unpack(
        "pack", KINDS[kind]({"a/B.yml": "a: 1", "A/b.yml": "a: 2", "a/in.zip": "PK", "a/Đ.yml": "", "a/đ.yml": ""})
    )
    assert sorted(found.files) == ["B.yml", "Đ.yml"]
    assert found.kept_out == {"a name that differs only in case": 2, "not YAML": 1}


def test_links_and_devices_are_not_taken() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind in (("a.yml", tarfile.SYMTYPE), ("b.yml", tarfile.LNKTYPE), ("c.yml", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("d.yml"))
    found = unpack("pack", packed.getvalue())
    assert found.kept_out == {"a link": 2, "a device": 1}
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as zip:
        link = zipfile.ZipInfo("a.yml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zip.writestr(link, "/etc/passwd")
        zip.writestr("d.yml", "")
    assert unpack("pack", packed.getvalue()).kept_out == {"a link": 1}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != ".tar"])
@pytest.mark.parametrize("name", ["zeros.yml", "zeros.bin"])
def test_bombs_are_refused(kind: str, name: str) -> None:
    zeros = {f"{number}{name}": "0" * 3_000_000 for number in range(8)} | {"one.yml": ""}
    raw = KINDS[kind](zeros)
    assert len(raw) < 100_000
    if kind == ".zip" and name.endswith("bin"):
        assert list(unpack("pack", raw).files) == ["one.yml"]  # what is not wanted is never unpacked
    else:
        with pytest.raises(SocError, match="bomb"):
            unpack("pack", raw)


def test_a_rule_file_that_is_too_large_is_counted() -> None:
    text = "".join(f"# {number * 7919 % 1_000_003}\n" for number in range(500_000))
    found = unpack("pack", tarred({"large.yml": text, "one.yml": ""}))
    assert (list(found.files), dict(found.kept_out)) == (["one.yml"], {"larger than 4 MiB": 1})


@pytest.mark.parametrize(
    "raw", [b"", b"PK\x03\x04 no", b"\x1f\x8b no", b"\xfd7zXZ\0 no", b"\x28\xb5\x2f\xfd no", b"x" * 600]
)
def test_what_is_no_archive_is_said(raw: bytes) -> None:
    with pytest.raises(SocError, match=r"^pack: "):
        unpack("pack", raw)


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_cut_short_is_refused(kind: str) -> None:
    raw = KINDS[kind](FILES)
    with pytest.raises(SocError):
        unpack("pack", raw[: len(raw) // 3])


def test_a_pack_by_http_is_what_is_served(address: str, tmp_path: Path) -> None:
    brought = bring(f"{address}/pack.zip", None, tmp_path / "packs", f"sha256:{sha256(Serving.body).hexdigest()}")
    assert brought.pack == tmp_path / "packs" / "pack"
    manifest = put(brought, NOW)
    assert (manifest.source, len(manifest.files), manifest.previous) == (f"{address}/pack.zip", 2, None)
    assert fetch(f"{address}/to/{address}/pack.zip", 10_000) == Serving.body


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nothing", "Not Found"),
        ("to/file:///etc/passwd", "not allowed"),
        ("to/ftp://127.0.0.1/x", "another scheme"),
        ("to/https://127.0.0.1/x", "another scheme"),
        ("to/to/to/to/to/to/to/", "."),
        ("short", "cut short"),
    ],
)
def test_what_cannot_be_had_is_said(address: str, path: str, why: str) -> None:
    with pytest.raises(SocError, match=why):
        fetch(f"{address}/{path}", 10_000)


def test_a_download_is_bounded(address: str) -> None:
    with pytest.raises(SocError, match="larger than"):
        fetch(f"{address}/pack.zip", 100)
    with pytest.raises(SocError, match=r"127\.0\.0\.1:1/"):
        fetch("http://127.0.0.1:1/x", 100)


@pytest.mark.parametrize("source", ["file:///etc", "ftp://127.0.0.1/a.zip", "/nothing/here.zip"])
def test_other_sources_are_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(SocError):
        bring(source, None, tmp_path)


def test_another_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(FILES))
    for wrong in ("sha256:" + "0" * 64, "md5:" + sha256(zipped(FILES)).hexdigest(), "0"):
        with pytest.raises(SocError, match="checksum"):
            bring(str(tmp_path / "a.zip"), None, tmp_path, wrong)


def test_versions_replace_each_other_whole(tmp_path: Path) -> None:
    """And what is ours, beside it, stays; nothing of the old version is left on disk."""
    source, packs = tmp_path / "pack.tar.gz", tmp_path / "data" / "packs"
    source.write_bytes(KINDS[".tar.gz"](FILES))
    first = bring(str(source), None, packs)
    before = put(first, NOW)
    pack = first.pack
    assert packs_in(packs) == (pack,)
    assert bring(str(source), None, packs).same
    old = within(pack, load_content([pack], shipped=False))
    newer = dict(FILES)
    del newer["pack-1.0/rules/two.yaml"]
    newer |= {
        "pack-1.0/rules/one.yml": RULE.format(title="One, better", n=1, service="sshd"),
        "pack-1.0/rules/three.yml": RULE.format(title="Three", n=3, service="nothing"),
        "pack-1.0/rules/four.yml": "title: Four\n",
    }
    source.write_bytes(KINDS[".tar.gz"]({name.replace("1.0", "2.0"): text for name, text in newer.items()}))
    second = bring(str(source), None, packs)
    assert not second.same
    after = put(second, NOW)
    assert after.previous is not None
    assert (after.previous.sha256, read_manifest(pack)) == (before.sha256, after)
    found = changes(old, within(pack, load_content([pack], shipped=False)))
    titles = [[row.title or row.path for row in listed] for listed in found[:5]]
    assert titles == [["Three"], ["Two"], ["One, better"], ["rules/four.yml"], ["Three"]]
    assert found.states == {"active": 1, "rejected": 1, "blind": 1, "muted": 0}
    assert len(list((packs / ".pack").iterdir())) == 1
    assert sorted(path.name for path in pack.iterdir()) == ["manifest.json", "rules"]


def test_a_pack_lies_among_rules_of_ones_own_and_is_read_once(tmp_path: Path) -> None:
    source = tmp_path / "theirs"
    (source / "rules").mkdir(parents=True)
    (source / "rules" / "one.yml").write_text(FILES["pack-1.0/rules/one.yml"])
    (source / "link.yml").symlink_to("/etc/hostname")
    mine = tmp_path / "my-rules"
    mine.mkdir()
    (mine / "mine.yml").write_text(RULE.format(title="Mine", n=9, service="sshd"))
    brought = bring(str(source), mine / "theirs", tmp_path)
    assert brought.unpacked.kept_out == {"a link": 1}
    put(brought, NOW)
    content = load_content([mine], shipped=False)
    assert [rule.info.title for rule in content.rules] == ["Mine", "One"]
    assert content.problems == ()


def test_a_folder_that_is_no_pack_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(FILES))
    (tmp_path / "mine").mkdir()
    bring(str(tmp_path / "a.zip"), tmp_path / "mine", tmp_path)
    (tmp_path / "mine" / "rule.yml").write_text("")
    with pytest.raises(SocError, match="not an imported pack"):
        bring(str(tmp_path / "a.zip"), tmp_path / "mine", tmp_path)


def test_what_is_wrong_in_a_pack_does_not_stop_a_reload(tmp_path: Path) -> None:
    for folder in ("theirs", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "wrong.yml").write_text("title: No detection\n")
        (tmp_path / folder / "one.yml").write_text(FILES["pack-1.0/rules/one.yml"])
    settings = Settings(data_dir=str(tmp_path / "data"), shipped_rules=False)
    assert content_of(settings, 0).rules == ()
    brought = bring(str(tmp_path / "theirs"), None, tmp_path / "data" / "packs")
    put(brought, NOW)
    imported = content_of(settings, 0)
    assert [rule.info.title for rule in imported.rules] == ["One"]
    assert len(imported.problems) == 1
    assert new_problems((), imported.problems) == []
    mine = load_content([tmp_path / "mine"], shipped=False)
    assert new_problems((), mine.problems) == list(mine.problems) != []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("http://x/y/sigma_all_rules.zip?a=b", "sigma_all_rules"),
        ("a/sigma-rules.tar.xz", "sigma-rules"),
        ("https://x/..%2f..%2fetc", "etc"),
        ("https://x/", "pack"),
        ("a/Bộ luật.tgz", "Bộ-luật"),
    ],
)
def test_a_pack_is_named_after_its_source(source: str, name: str) -> None:
    assert pack_name(source) == name
