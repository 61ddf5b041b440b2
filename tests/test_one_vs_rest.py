"""`fit_one_vs_rest`: one fit a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import sklearn_fit
from sklearn.multiclass import OneVsRestClassifier

import relabel_widget as rw
from relabel_widget.problem import shares


def problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 4))
    return x, np.array(["a", "b", "c"])[(x @ rng.normal(size=(4, 3))).argmax(axis=1)]


def test_against_scikit_learn() -> None:
    x, y = problem()
    fit = rw.fit_one_vs_rest(x, y, 2.0)
    theirs = OneVsRestClassifier(sklearn_fit(x, y == "a", 2.0)).fit(x, y)
    assert_array_equal(fit.classes, theirs.classes_)
    assert_array_equal(fit.y, y)
    assert fit.n_rows == 120
    assert_allclose(fit.decision(x[:9]), theirs.decision_function(x[:9]), atol=1e-6)
    assert_allclose(fit.proba(x[:9]), theirs.predict_proba(x[:9]), atol=1e-6)
    assert all(each.problem.design is fit.fits[0].problem.design for each in fit.fits)


def test_shares_of_hopeless_rows() -> None:
    far = shares(np.array([[-2000.0, -1000.0, -3000.0], [1000.0, -1000.0, 1000.0]]))
    assert_allclose(far, [[0, 1, 0], [0.5, 0, 0.5]])


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["a", "b"], "one label for each of the 120 rows of X"),
        (["a"] * 120, "labels of two classes or more, got only .'a'. in y"),
        (["a", float("nan")] * 60, "a label for every row, got 60 missing .* in rows 1, 3"),
    ],
    ids=["too few", "one class", "missing"],
)
def test_labels_must_fit(y: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"fit_one_vs_rest: expected {words}"):
        rw.fit_one_vs_rest(problem()[0], y)
