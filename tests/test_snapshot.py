"""The page to read says what the workbench knows, and nothing in it is interpreted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recording_comm import RecordingComm
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.widget import snapshot
from relabel_widget.workbench.workbench import Workbench

EVIL = "<img src=x onerror=alert(1)></main><script>alert(1)</script>"


def make(n_test: int = 8, y_test: bool = True) -> Workbench:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(50 + n_test, 3))
    y = np.where(X @ [1.0, -1.0, 0.5] + rng.normal(size=len(X)) > 0, "<b>yes", "no")
    return Workbench(
        LogisticRegression(tol=1e-10).fit(X[:50], y[:50]),
        *(X[:50], y[:50], X[50:], y[50:] if y_test else None),
        train_text=[f"{EVIL} {row}" for row in range(50)],
        test_text=[f"{EVIL} {row} \ud800" for row in range(n_test)],
        ids=[f"{EVIL}{row}" for row in range(50)],
    )


@pytest.fixture
def bench() -> Workbench:
    return make()


def texts(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_all_that_is_known_is_on_the_page(bench: Workbench) -> None:
    found = bench.flip_set(2)
    bench.relabel(found.rows)
    summary = (bench.verify(), bench.verification_summary())[1]
    assert summary is not None
    html = snapshot.render(bench, 2)
    words = texts(html)
    assert f"{summary.n_flipped} of 8 predictions flipped by {found.size} relabel" in words
    assert f"{summary.accuracy_before:.2%} → {summary.accuracy_after:.2%}" in words
    assert f"{summary.log_loss_before:.4f} → {summary.log_loss_after:.4f}" in words
    assert f"{found.proba_before:.3f} → {found.proba_after:.3f}" in words
    assert f"Flip set of {found.size}" in words
    for line in bench.influential_rows(2, 60).itertuples():
        assert f"{line.influence:+.4f}" in words
    assert words.count("in the flip set, relabelled") == found.size
    assert words.count("(chosen)") == 1


def test_nothing_is_interpreted(bench: Workbench) -> None:
    html = snapshot.render(bench, 0)
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>yes" not in html
    assert "&lt;img src=x" in html
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html


def test_what_is_not_known_is_said() -> None:
    bench = make(y_test=False)
    assert "None is chosen." in snapshot.render(bench, None)
    assert "Not searched for." in snapshot.render(bench, 1)
    bench.relabel(3)
    words = texts(snapshot.render(bench, 1))
    assert f"{bench.predicted_change(1):+.3f} in log-odds" in words
    assert "Not verified by retraining" in words
    assert "true label" not in words
    bench.verify()
    assert "accuracy" not in texts(snapshot.render(bench, 1))


def test_a_set_that_was_not_found(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rw.find_flip_set

    def nothing(*args: Any, **options: Any) -> Any:
        return real(*args, **{**options, "candidates": [0]})

    monkeypatch.setattr("relabel_widget.search.find_flip_set", nothing)
    row = int(np.argmax(np.abs(bench.test_columns().margin)))
    found = bench.flip_set(row)
    assert not found.found
    assert str(found.outcome) in texts(snapshot.render(bench, row))


def test_long_lists_are_cut_with_a_word_about_it() -> None:
    html = snapshot.render(make(320), 310)
    assert "19 further test rows are not listed." in html
    assert "310 (chosen)" in texts(html).replace("  ", " ")


def test_the_widget_writes_what_it_shows(bench: Workbench, tmp_path: Path) -> None:
    widget = rw.RelabelWidget(bench)
    widget.test_row = 4
    path = widget.to_html(tmp_path / "still.html")
    assert path == tmp_path / "still.html"
    assert "Test row 4" in path.read_text("utf-8")
    widget.test_row = None
    widget.to_html(path)
    assert "None is chosen." in path.read_text("utf-8")
    with pytest.raises(FileNotFoundError, match="to_html: there is no folder"):
        widget.to_html(tmp_path / "no" / "still.html")


@pytest.fixture(autouse=True)
def _no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    import comm

    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def fallback(widget: Any) -> str:
    data = widget._repr_mimebundle_()
    html: str = (data[0] if isinstance(data, tuple) else data)["text/html"]
    return html


def test_a_saved_notebook_holds_the_chosen_row_and_its_bars(bench: Workbench) -> None:
    widget = rw.RelabelWidget(bench)
    widget.test_row = 2
    found = bench.flip_set(2)
    bench.relabel(found.rows)
    summary = (bench.verify(), bench.verification_summary())[1]
    assert summary is not None
    html = fallback(widget)
    words = texts(html)
    assert "<script" not in html
    assert "<img" not in html
    assert "<svg" not in html
    assert "style" not in html
    assert f"Verified by retraining: {summary.n_flipped} of 8" in words
    assert str(found.outcome) in words
    assert words.count("in the flip set, relabelled") == min(found.size, 10)
    top = bench.influential_rows(2, 10)
    bars = [len(one) for one in re.findall("█+", html)]
    assert len(bars) == len(top)
    assert int(np.argmax(bars)) == int(top["influence"].abs().to_numpy().argmax())


def test_a_saved_notebook_stays_small_with_long_texts() -> None:
    X = np.random.default_rng(1).normal(size=(40, 2))
    y = np.where(X[:, 0] > 0, "a" * 20, "b" * 20)
    long = ["word " * 20_000] * 40
    model = LogisticRegression(tol=1e-10).fit(X, y)
    bench = Workbench(model, X, y, X, y, train_text=long, test_text=long)
    widget = rw.RelabelWidget(bench)
    widget.test_row = 3
    assert len(fallback(widget).encode()) < 12_000
