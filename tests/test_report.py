"""The report is one page that loads nothing, runs nothing, and shows what it is given as it is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from relabel_widget.files import html as markup
from relabel_widget.files.html import smallest
from relabel_widget.workbench import report as report_room
from relabel_widget.workbench.workbench import Workbench

NASTY = '</td></table><script>alert(1)</script><img src="https://example.org/x.png" onerror="x"> & \'"'
LABELS = np.array(["<b>no</b>", "<i>yes</i>"])
VOID = {"meta", "circle", "path"}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make_pipeline(CountVectorizer(), LogisticRegression(tol=1e-10, max_iter=1000)).fit(TRAIN, Y)


TRAIN = [f"{word} {NASTY} {i}" for i, word in enumerate(["cold", "warm"] * 10)]
Y = LABELS[[0, 1] * 10]
TEST = [f"warm {NASTY}", "cold warm warm", "cold"]


@pytest.fixture
def bench(pipeline: Pipeline) -> Workbench:
    ids = [f"{NASTY}{row}" for row in range(20)]
    return Workbench(pipeline, TRAIN, Y, TEST, LABELS[[1, 0, 1]], ids=ids, annotator=f"Ada {NASTY}")


class Page(HTMLParser):
    """Tags in order, their attributes, and the text between them; checks that tags nest."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data
            if self._open[-1] in {"h1", "h2", "h3"}:
                self.headings.append(data)


def busy(bench: Workbench, path: Path) -> Page:
    bench.flip_set(1)
    bench.flip_set(2)
    bench.relabel(bench.flip_set(1).rows, note=NASTY)
    bench.relabel([3, 5])
    bench.undo()
    bench.verify()
    return Page(bench.report(path))


def test_all_parts_are_there(bench: Workbench, tmp_path: Path) -> None:
    page = busy(bench, tmp_path / "report.html")
    summary = bench.verification_summary()
    assert summary is not None
    n = len(bench.relabelled)
    assert f"{n} of 20 training labels corrected" in page.headings
    titles = [
        heading for heading in page.headings if not heading.startswith(("Test row", str(LABELS[0]), str(LABELS[1])))
    ]
    assert titles[1:] == ["Corrected labels", "What retraining says", "Flip sets", "The model", "History"]
    assert f"{summary.n_flipped} of 3" in page.text
    assert f"{summary.accuracy_before:.2%} → {summary.accuracy_after:.2%}" in page.text
    assert "became right" in page.text or "became wrong" in page.text
    for event in ("relabel", "undo", "verify"):
        assert event in page.text
    assert str(bench.flip_set(1).outcome) in page.text
    assert "Not verified" not in page.text


@pytest.mark.parametrize(
    ("proven", "bound", "words"),
    [(True, 3, "yes, proven"), (False, 1, "not proven"), (False, 3, "not proven; no set of fewer than 3 rows can")],
)
def test_what_is_proven_is_said(proven: bool, bound: int, words: str) -> None:
    assert smallest(proven, bound) == words


def test_texts_are_shown_and_not_interpreted(bench: Workbench, tmp_path: Path) -> None:
    page = busy(bench, tmp_path / "report.html")
    assert not {"script", "img", "b>no", "link", "iframe", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    row = bench.relabelled[0]
    assert TRAIN[row] in page.text
    assert f"{NASTY}{row}" in page.text
    assert f"Ada {NASTY}" in page.text
    assert page.text.count(NASTY) >= 6
    assert f"{LABELS[0]} → {LABELS[1]}" in page.text or f"{LABELS[1]} → {LABELS[0]}" in page.text


def test_it_loads_nothing(bench: Workbench, tmp_path: Path) -> None:
    page = busy(bench, tmp_path / "report.html")
    assert not {"src", "href", "srcset", "action", "data"} & {name for name, _ in page.attributes}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes
    style = re.search(r"<style>(.*?)</style>", (tmp_path / "report.html").read_text(encoding="utf-8"), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "prefers-color-scheme: dark" in style[1]
    assert "@media print" in style[1]


def test_tables_are_told_to_screen_readers(bench: Workbench, tmp_path: Path) -> None:
    page = busy(bench, tmp_path / "report.html")
    assert page.tags.count("caption") == page.tags.count("table") == page.attributes.count(("role", "region"))
    assert page.tags.count("th") == page.attributes.count(("scope", "col"))
    assert ("lang", "en") in page.attributes


def test_what_was_not_verified_is_said_to_be_so(bench: Workbench, tmp_path: Path) -> None:
    page = Page(bench.report(tmp_path / "report.html"))
    assert "No training label is corrected" in page.headings
    assert "Not verified. No label is changed" in page.text
    bench.relabel(0)
    page = Page(bench.report(tmp_path / "report.html"))
    assert "Not verified. These labels have not been verified by retraining since they were last changed" in page.text
    assert "Not tried with the present labels." in page.text


def test_without_true_labels_nothing_is_right_or_wrong(pipeline: Pipeline, tmp_path: Path) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST)
    page = busy(bench, tmp_path / "report.html")
    assert bench.verification is not None
    assert bench.verification.flipped.any()
    assert "unknown" in page.text
    assert "accuracy" not in page.text
    assert "became" not in page.text


def test_a_retraining_without_flips_says_so(bench: Workbench, tmp_path: Path) -> None:
    bench.relabel(0)
    assert not bench.verify().flipped.any()
    assert "No prediction flipped." in Page(bench.report(tmp_path / "report.html")).text


def test_a_search_without_a_set_shows_its_outcome(pipeline: Pipeline, tmp_path: Path) -> None:
    bench = Workbench(pipeline, TRAIN, Y, TEST, threshold=1 - 1e-12)
    found = bench.flip_set(2)
    assert not found.found
    page = Page(bench.report(tmp_path / "report.html"))
    assert str(found.outcome) in page.text
    assert "Smallest possible" not in page.text


def test_long_lists_say_what_they_leave_out(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_room, "_MOST_FLIPPED", 0)
    monkeypatch.setattr(report_room, "_MOST_ROWS", 1)
    monkeypatch.setattr(markup, "_LONGEST_TEXT", 10)
    bench.relabel([0, 2, 4])
    bench.undo()
    page = busy(bench, tmp_path / "report.html")
    found = bench.flip_set(2)
    assert bench.verification is not None
    assert found.size > 1
    assert f"{found.size - 1} further rows are not listed." in page.text
    assert f"{bench.verification.flipped.sum()} further flipped predictions are not listed." in page.text
    assert "0 and 2 more" in page.text
    assert f"… {len(TRAIN[bench.relabelled[0]]) - 10} more characters" in page.text


def test_of_many_flip_sets_a_few_are_shown_in_full(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page had looked for the sets of all 140 test rows: the report was as high as 80 screens."""
    monkeypatch.setattr(report_room, "_MOST_CARDS", 2)
    test = [f"{word} {i}" for i, word in enumerate(["warm", "cold"] * 4)]
    truth = LABELS[[1, 0] * 4]
    truth[2] = LABELS[0]
    bench = Workbench(pipeline, TRAIN, Y, test, truth)
    for row in range(8):
        assert bench.flip_set(row).found
    page = Page(bench.report(tmp_path / "report.html"))
    assert [each[:10] for each in page.headings if each.startswith("Test row")] == ["Test row 0", "Test row 2"]
    assert "8 were searched for. In full: the 2 with" in page.text
    assert all(text in page.text for text in test)

    bench.relabel(bench.flip_set(3).rows)
    page = Page(bench.report(tmp_path / "report.html"))
    assert [each[:10] for each in page.headings if each.startswith("Test row")] == ["Test row 1", "Test row 3"]
    monkeypatch.setattr(report_room, "_MOST_SETS", 4)
    assert "2 further flip sets are not listed." in Page(bench.report(tmp_path / "report.html")).text


def test_the_history_names_texts_and_labels(bench: Workbench, tmp_path: Path) -> None:
    bench.keep(3)
    bench.relabel([4, 6])
    bench.export(tmp_path / ("long_name" * 15 + ".csv"))
    page = Page(bench.report(tmp_path / "report.html"))
    assert page.text.count(TRAIN[3]) == 1
    assert f"{LABELS[1]} → {LABELS[1]}" not in page.text
    assert "When (UTC)" in page.text


def test_half_a_surrogate_pair_does_not_stop_a_report(pipeline: Pipeline, tmp_path: Path) -> None:
    texts = [f"{text} \ud800" for text in TRAIN]
    bench = Workbench(pipeline, TRAIN, Y, TEST, train_text=texts)
    bench.relabel(0)
    assert " 0 \ufffd<" in bench.report(tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_report_is_written_whole_or_not_at_all(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(report_room, "render", lambda _: (_ for _ in ()).throw(ValueError("broken")))
    with pytest.raises(ValueError, match="broken"):
        bench.report(path)
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match="report: there is no folder"):
        bench.report(tmp_path / "missing" / "report.html")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_picture_of_probabilities_is_in_words_too() -> None:
    assert "0.49998 → 0.50003" in re.sub("<.*?>", "", markup.chance(0.49998, 0.50003, 0.5))
    shown = markup.chance(0.25, 0.75, 0.5)
    assert 'aria-hidden="true"' in shown
    assert "0.250" in shown
    assert "0.750" in shown


def test_markup_is_escaped_unless_made_here() -> None:
    assert markup.tag("p", "<b>", markup.tag("b", "&"), title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<b>&amp;</b></p>'
