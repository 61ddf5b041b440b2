"""The paper's experiments run on a sample, and the published script's behaviour is what its source says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracles import DenseProblem, random_case, sklearn_fit

import relabel_widget as rw

PAPER = Path(__file__).parents[1] / "examples" / "paper"


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's modules, which lie in a folder of their own and bear plain names."""
    names = ("data", "published", "experiments", "run")
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
    assert set(ours["line"]) == {"sst2", "hate_speech", "loan"}


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


@pytest.mark.usefixtures("paper")
def test_embeddings_from_any_callable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import data

    monkeypatch.setattr(data, "FOLDER", tmp_path)
    assert data.from_disk("sst2") is None
    (tmp_path / "embeddings").mkdir()
    array = np.random.default_rng(0).normal(size=(200, 5))
    np.save(tmp_path / "embeddings" / "sst2.npy", array)
    words = data.load("sst2", sample=100)
    found = data.embedded(words, data.from_disk("sst2"))
    assert found.x.shape == (words.x.shape[0], 5)
    centred = array[words.train["line"]] - array[words.train["line"]].mean(axis=0)
    assert found.x == pytest.approx(centred / centred.std(axis=0))


@pytest.mark.usefixtures("paper")
def test_absent_data_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import data

    monkeypatch.setattr(data, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match="set RELABEL_WIDGET_DATA to the folder that holds it, or run --sample"):
        data.load("sst2")
