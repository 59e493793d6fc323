"""The report: what it is given stands in it as text, and a browser shows it."""

import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.evaluation.report import Table, page
from audiosetzsl.show import text_of

HOSTILE = "<script>document.title='owned'</script>"
OUTBREAK = '"><img src=x onerror=alert(1)> &amp; </td></table>'
COUNTS = Table(
    "Segments per class",
    ["class", "train", "share"],
    [["dog", 7_588, 0.6], ["church-bell", 662, None], ["ünseen & <b>bold</b>", None, 20.25]],
)


class Outline(HTMLParser):
    """Elements of a page in order, and the text and the marks of its cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.marks, self._open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._open.append(tag)
        if tag in ("th", "td", "caption", "p", "h1", "title"):
            self.texts.append((tag, ""))
            self.marks.append((tag, dict(attrs).get("class")))

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1] in ("th", "td", "caption", "p", "h1", "title"):
            tag, text = self.texts[-1]
            self.texts[-1] = (tag, text + data)

    def of(self, *tags):
        return [text for tag, text in self.texts if tag in tags]


TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "aside", "p"}
TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def test_a_page_by_eye():
    outline = Outline(page("Results", ["made of stand-ins"], [COUNTS]))
    assert outline.of("title", "h1", "p", "caption") == [
        "Results",
        "Results",
        "made of stand-ins",
        "Segments per class",
    ]
    assert outline.of("th") == ["class", "train", "share"]
    assert outline.of("td") == [
        *("dog", "7,588", "0.60"),
        *("church-bell", "662", ""),
        *("ünseen & <b>bold</b>", "", "20.25"),
    ]


def test_columns_of_numbers_stand_to_the_right_heads_and_gaps_included():
    marks = Outline(page("Results", [], [COUNTS])).marks
    assert [mark for tag, mark in marks if tag == "th"] == [None, "number", "number"]
    assert [mark for tag, mark in marks if tag == "td"] == [None, "number", "number"] * 3
    assert "td.number, th.number { text-align: right;" in page("Results", [], [COUNTS])


@pytest.mark.parametrize("text", [HOSTILE, OUTBREAK])
@pytest.mark.parametrize("place", ["title", "note", "caption", "head", "cell"])
def test_hostile_text_is_text_wherever_it_stands(text, place):
    put = {name: text if name == place else name for name in ("title", "note", "caption", "head", "cell")}
    html = page(put["title"], [put["note"]], [Table(put["caption"], [put["head"]], [[put["cell"]]])])
    outline = Outline(html)
    assert text not in html
    assert set(outline.tags) == TAGS
    assert outline.of("title", "h1", "p", "caption", "th", "td") == [
        *(put["title"], put["title"], put["note"]),
        *(put["caption"], put["head"], put["cell"]),
    ]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)
cells = st.none() | texts | st.integers(-(10**7), 10**7) | st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(
    title=texts,
    notes=st.lists(texts, max_size=2),
    columns=st.lists(texts, min_size=1, max_size=3),
    data=st.data(),
)
def test_every_text_comes_back_as_it_was(title, notes, columns, data):
    rows = data.draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), max_size=3))
    outline = Outline(page(title, notes, [Table(title, columns, rows)]))
    assert set(outline.tags) <= TAGS
    assert outline.of("title", "h1", "caption") == [title] * 3
    assert outline.of("p") == notes
    assert outline.of("th") == columns
    assert outline.of("td") == [text_of(cell) for row in rows for cell in row]


def test_a_page_needs_nothing_but_itself():
    html = page("Results", [], [COUNTS])
    for outside in ("<script", "<link", "src=", "href=", "http:", "https:", "url(", "@import"):
        assert outside not in html


def test_tables_come_in_the_order_given():
    tables = [Table(f"table {number}", ["n"], [[number]]) for number in range(3)]
    assert Outline(page("Results", [], tables)).of("caption") == ["table 0", "table 1", "table 2"]
    assert Outline(page("Results", [], [])).tags.count("table") == 0
    empty = Outline(page("Results", [], [Table("nothing yet", ["class", "n"], [])]))
    assert (empty.of("th"), empty.of("td")) == (["class", "n"], [])


def test_a_browser_shows_the_rows_and_runs_nothing(tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not on PATH")
    hostile = Table(HOSTILE, [OUTBREAK, "n"], [[HOSTILE, 1], [OUTBREAK, 2]])
    report = tmp_path / "report.html"
    report.write_text(page(HOSTILE, [OUTBREAK], [COUNTS, hostile]), encoding="utf-8")
    switches = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"),
    ]
    command = [chromium, *switches, "--dump-dom", report.as_uri()]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.decode()
    outline = Outline(shown)
    assert set(outline.tags) == TAGS
    assert outline.tags.count("tr") == 4 + 3
    assert outline.of("title", "h1", "p") == [HOSTILE, HOSTILE, OUTBREAK]
    assert outline.of("caption") == [COUNTS.title, HOSTILE]
    assert outline.of("th") == [*COUNTS.columns, OUTBREAK, "n"]
    counts = [text_of(cell) for row in COUNTS.rows for cell in row]
    assert outline.of("td") == [*counts, HOSTILE, "1", OUTBREAK, "2"]
