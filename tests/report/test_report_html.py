"""The HTML report: the figures of the markdown, nothing from elsewhere, and a browser that has no complaint."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_predictions import random_predictions, write_made_score

from mtlaug import report
from mtlaug.report import typed
from mtlaug.report.html import POLICY

HOSTILE = "a<b>&\"'c"  # a model's name, which is that of a directory
PHONE = 390  # pixels


class Page(HTMLParser):
    """What a page says: its tables, identifiers, and all that it refers to."""

    def __init__(self, text: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.plots: list[str | None] = []
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.references += [values[key] for key in ("src", "href", "xlink:href", "srcset", "data") if key in values]
        if tag == "svg":
            self.plots.append(values.get("aria-label"))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.in_cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A recipe with tables, curves, a matrix, notes and names that HTML would take for its own, reported."""
    folder = tmp_path_factory.mktemp("my recipe")
    exp = folder / "exp"
    for model, skill in (("mtlaug", 0.9), (HOSTILE, 0.6)):
        write_made_score(exp, model, random_predictions(skill, draw=1))
        for level in (20.0, 0.0):
            curve = {"name": "noise", "series": "rain", "level": level, "unit": "dB SNR"}
            name = f"noise_rain_snr{level:g}"
            write_made_score(exp, model, random_predictions(skill / 2), f"score_{name}", condition=name, curve=curve)
        where = {"condition": "cross", "pair": {"train": "a", "test": "b"}}
        write_made_score(exp, model, random_predictions(skill), "score_cross", **where)
    notes = "**Bold** and `code`, [a page](https://example.org/x).\n\n- one\n- two\n\n<script>alert(1)</script>\n"
    report.write(
        exp, folder / "RESULTS.md", title="Made <up>", notes=notes, command="mtlaug report --title 'Made <up>'"
    )
    return folder


@pytest.fixture(scope="module")
def text(recipe: Path) -> str:
    return (recipe / "exp" / "report" / "index.html").read_text()


def test_the_tables_are_those_of_the_markdown(recipe: Path, text: str):
    tables: list[list[list[str]]] = [[]]
    for line in (recipe / "RESULTS.md").read_text().splitlines():
        if not line.startswith("| "):
            tables.append([])
        elif not line.startswith("| ---"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split(" | ")])
    assert Page(text).tables == [table for table in tables if table]
    assert len(Page(text).tables) >= 6


def test_nothing_comes_from_elsewhere(text: str):
    page = Page(text)
    others = [value for value in page.references if not value.startswith(("#", "data:"))]
    assert others == ["https://example.org/x"]  # a link that the user typed
    assert "script" not in page.tags
    assert f'content="{POLICY}"' in text
    assert re.findall(r"url\((?!#)", text) == []
    assert "@import" not in text


def test_names_are_no_markup(text: str):
    page = Page(text)
    assert "b" not in page.tags
    assert any(row[0] == HOSTILE for table in page.tables for row in table)
    assert "<title>Made &lt;up&gt;</title>" in text
    assert "&lt;script&gt;alert(1)" in text


def test_plots_are_in_the_page_under_identifiers_of_their_own(recipe: Path, text: str):
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    inside = {value[1:] for value in page.references if value.startswith("#")} | set(re.findall(r"url\(#([^)]+)", text))
    assert inside - set(page.ids) == set()
    assert len(page.plots) == len(list((recipe / "exp" / "report").glob("*.svg")))
    assert all(page.plots)
    assert any(
        plot.startswith("Confusion matrix of mtlaug, within") and "recalls: angry" in plot for plot in page.plots
    )


def test_typed_markdown():
    shown = typed.as_html(
        "# Head\nText with *soft* words, 2 * 3 * 4\nand `a*b*c`.\n\n- one\n  more\n- **two**\n\n| a |\n"
    )
    assert shown == (
        "<h3>Head</h3>\n<p>Text with <em>soft</em> words, 2 * 3 * 4\nand <code>a*b*c</code>.</p>\n"
        "<ul>\n<li>one\n  more\n</li>\n<li><strong>two</strong></li>\n</ul>\n"
        '<div class="wide"><pre>| a |</pre></div>'
    )
    assert typed.as_html("- one\n\n  its second paragraph") == (
        "<ul>\n<li>one</li>\n</ul>\n<p>  its second paragraph</p>"
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A function that opens a page and returns its DOM and what stands in the console."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    profile = tmp_path_factory.mktemp("profile")

    def show(page: Path) -> tuple[str, list[str]]:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]
        options += ["--enable-logging=stderr", "--virtual-time-budget=2000", f"--user-data-dir={profile}"]
        done = subprocess.run([program, *options, page.as_uri()], capture_output=True, text=True, timeout=120)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return show


def test_a_browser_has_no_complaint(recipe: Path, tmp_path, text: str, browser):
    dom, said = browser(recipe / "exp" / "report" / "index.html")
    assert "<h1>Made &lt;up&gt;</h1>" in dom
    assert said == []
    # The same page with a picture from elsewhere: its policy refuses it, and the console says so.
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(text.replace("</main>", '<img src="https://example.org/x.png" alt=""></main>'))
    assert any("Content Security Policy" in line for line in browser(spoiled)[1])


def test_on_a_phone_only_tables_and_plots_are_moved_sideways(tmp_path, text: str, browser):
    probe = """<script>addEventListener("load", () => {
      const cut = [...document.querySelectorAll("body *")].filter(
        (e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".wide, .plot"));
      const tables = [...document.querySelectorAll(".wide")].filter((e) => e.scrollWidth > e.clientWidth).length;
      console.log(`width ${innerWidth} page ${document.documentElement.scrollWidth} cut ${cut.length} moved ${tables}`);
    });</script></body>"""
    (tmp_path / "inner.html").write_text(text.replace(POLICY, "").replace("</body>", probe))
    outer = tmp_path / "outer page.html"  # a browser's window is wider than a phone
    outer.write_text(f'<iframe src="inner.html" width="{PHONE}" height="2000" style="border: 0"></iframe>')
    (line,) = browser(outer)[1]
    width, page, cut, moved = map(int, re.search(r"width (\d+) page (\d+) cut (\d+) moved (\d+)", line).groups())
    assert (width, cut) == (PHONE, 0)
    assert page <= PHONE
    assert moved > 0
