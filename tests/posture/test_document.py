"""HTML, PDF and pictures: the same bytes, both languages, and hostile text that does nothing."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import typst

from soc.posture import plots
from soc.posture.document import document
from soc.posture.facts import facts
from soc.posture.html import html
from soc.posture.pdf import pages, pdf
from soc.posture.strip import silence
from soc.posture.svg import ticks
from soc.posture.voice import Voice
from tests.posture.build import OCTOBER, alert, heard, received

HOSTILE = '</title></svg><script>alert(1)</script>#panic("x") $]*\\ \x1b[31m\u202e\ufffe" onload="x'


class Tags(HTMLParser):
    """Names of tags and attributes, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def month(text="A rule", zone=25_200):
    first = alert(0).first_seen
    alerts = [
        alert(1, title=text, title_vi=text, unit=text, hosts=("h",), tactics=(text, "a"), events=received(first, 9)),
        alert(2, title=text, title_vi=text, severity="high", score=70, hosts=("h",), tactics=("b",)),
    ]
    return facts(OCTOBER, alerts, [*heard(range(744), text, text), *heard([3], "udp:2", "")])


def made(text="A rule", language="en"):
    return document(month(text), language, names={text: text}, organisation=text)


def test_hostile_text_is_text_in_html():
    page = html(made(HOSTILE)).decode()
    seen, plain = Tags(page), Tags(html(made()).decode())
    assert (seen.tags, seen.attributes) == (plain.tags, plain.attributes)
    assert "script" not in seen.tags
    assert '<script>alert(1)</script>#panic("x") $]*\\ \\x1b[31m\\u202e' in seen.text
    assert not set("\x1b\u202e\ufffe") & set(page)


def test_hostile_text_is_text_in_pdf():
    with pytest.raises(typst.TypstError):  # what it would do as code
        typst.compile(HOSTILE.replace("\x1b", "").encode())
    assert pdf(made(HOSTILE)).startswith(b"%PDF-")


def test_hostile_text_leaves_pictures_well_formed():
    found, voice = month(HOSTILE), Voice("en", 0)
    drawn = [
        plots.by_day(found, voice),
        plots.by_unit(found, voice, {}),
        plots.coverage(found, voice),
        plots.durations(found.detect, voice, HOSTILE),
        silence(found, voice),
    ]
    for svg in drawn:
        names = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
        assert names <= {"svg", "title", "rect", "line", "text"}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_document_says_its_language_and_loads_nothing(language):
    page = html(made(language=language)).decode()
    assert f'<html lang="{language}">' in page
    assert ("Nghi vấn sự cố" in page) == (language == "vi")
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_the_date_of_the_pdf_is_the_end_of_the_month():
    raw = pdf(made())
    assert b"/CreationDate (D:20261101000000" in raw or b"2026-11-01T00:00:00" in raw


def test_every_vietnamese_letter_has_a_glyph():
    """A letter without one is drawn as the same box as any other."""
    style = '#set page(width: 1cm, height: 1cm)\n#set text(font: "Libertinus Serif", fallback: false)\n'
    letters = "ạảãàáâậầấẩẫăắằặẳẵóòọõỏôộổỗồốơờớợởỡéèẻẹẽêếềệểễúùụủũưựữửừứíìịỉĩýỳỷỵỹđ"
    drawn = {
        letter: typst.compile(f"{style}{letter}".encode(), format="png", ignore_system_fonts=True) for letter in letters
    }
    assert len(set(drawn.values())) == len(letters)


def test_an_empty_month_is_a_document_too():
    empty = facts(OCTOBER, [], [])
    assert len(pages(document(empty, "vi"), 30)) >= 1


@pytest.mark.parametrize("most", [0, 1, 3, 4, 5, 9, 20, 21, 99, 101, 12_345])
def test_an_axis_ends_at_or_above_the_most(most):
    scale = ticks(most)
    assert scale[0] == 0
    assert scale[-1] >= max(most, 1)
    assert len(scale) <= 5
