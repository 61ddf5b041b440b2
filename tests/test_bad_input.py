"""What is refused, by whom, and with what advice: one case for every refusal of the engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracles import quiet_fit, random_case, sklearn_model
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.multiclass import OneVsOneClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

import relabel_widget as rw
from relabel_widget.evidence import influence
from relabel_widget.fits import fitting
from relabel_widget.search import Budget
from relabel_widget.solver import NewtonSettings, minimise, solve_many

CASE = random_case(140)
X, Y = CASE.x, CASE.y
FIT = rw.fit(X, Y)


def with_entry(value: float, kind: Callable[[np.ndarray], Any] = np.asarray) -> Any:
    x = X.copy()
    x[3, 2] = x[7, 0] = value
    return kind(x)


OPPOSED = with_entry(np.inf)
OPPOSED[3, 2] = -np.inf  # their sum is NaN, not infinite


# --- the matrix

MATRICES: dict[str, tuple[Any, type[Exception], str]] = {
    "NaN": (with_entry(np.nan), ValueError, r"expected finite numbers, got NaN or infinity in 2 entries\. Impute"),
    "infinity": (with_entry(np.inf), ValueError, "got NaN or infinity in 2 entries"),
    "both infinities": (
        OPPOSED,
        ValueError,
        "NaN or infinity in 2 entries",
    ),
    "sparse NaN": (with_entry(np.nan, sparse.csr_array), ValueError, "got NaN or infinity in 2 entries"),
    "sparse infinity": (with_entry(np.inf, sparse.coo_matrix), ValueError, "got NaN or infinity in 2 entries"),
    "frame with a gap": (pd.DataFrame(with_entry(np.nan)), ValueError, "got missing values in column"),
    "no rows": (X[:0], ValueError, r"at least one row and one column, got an empty matrix of shape \(0, 5\)"),
    "no columns": (X[:, :0], ValueError, r"got an empty matrix of shape \(40, 0\)"),
    "sparse, no rows": (sparse.csr_array((0, 5)), ValueError, r"got an empty matrix of shape \(0, 5\)"),
    "one dimension": (X[:, 0], ValueError, r"expected two dimensions \(n_rows, n_features\), got shape \(40,\)"),
    "three dimensions": (X[:, :, None], ValueError, r"expected two dimensions .* got shape \(40, 5, 1\)"),
    "a number": (3.0, ValueError, r"expected two dimensions .* got shape \(\)"),
    "ragged": ([[1.0, 2.0], [3.0]], ValueError, "expected an array, got rows of different lengths"),
    "texts": (np.array([["a", "b"]] * 40), TypeError, "expected real numbers, got dtype <U1. Turn texts and"),
    "objects": (pd.DataFrame({"city": ["Ulm"] * 40}), TypeError, "expected real numbers, got texts.* adopt the whole"),
    "dates": (np.full((40, 2), "2026-01-01", dtype="datetime64[D]"), TypeError, r"got dtype datetime64\[D\]"),
    "complex": (X + 1j, TypeError, "expected real numbers, got dtype complex128"),
    "sparse complex": (sparse.csr_array(X + 1j), TypeError, "expected real numbers, got dtype complex128"),
    "None": (None, ValueError, r"expected two dimensions .* got shape \(\)"),
}


@pytest.mark.parametrize(("x", "error", "words"), MATRICES.values(), ids=MATRICES)
def test_matrices(x: Any, error: type[Exception], words: str) -> None:
    model = LogisticRegression().fit(X, Y)
    for who, call in {
        "fit: X": lambda: rw.fit(x, Y),
        "adopt: X": lambda: rw.adopt(model, x, Y),
        "relabel_influence: X_query": lambda: rw.relabel_influence(FIT, x),
        "removal_influence: X_query": lambda: rw.removal_influence(FIT, x),
        "find_flip_sets: X_query": lambda: rw.find_flip_sets(FIT, x),
        "verify: X_query": lambda: rw.verify(FIT, [0], x),
        "decision": lambda: FIT.decision(x),
    }.items():
        with pytest.raises(error, match=f"^{who}: .*{words}"):
            call()


def test_a_matrix_whose_sum_overflows_is_not_infinite() -> None:
    huge = np.full((4, 2), 1e308)
    assert FIT.design_of(np.hstack([huge, huge, huge[:, :1]])).n_rows == 4


# --- queries


def test_queries_of_another_width() -> None:
    for who, call in {
        "find_flip_set: x": lambda: rw.find_flip_set(FIT, X[0, :4]),
        "find_flip_sets: X_query": lambda: rw.find_flip_sets(FIT, X[:2, :4]),
        "relabel_influence: X_query": lambda: rw.relabel_influence(FIT, X[:2, :4]),
        "removal_influence: X_query": lambda: rw.removal_influence(FIT, sparse.csr_array(X[:2, :4])),
        "verify: X_query": lambda: rw.verify(FIT, [0], X[:2, :4]),
        "decision": lambda: FIT.decision(X[:2, :4]),
    }.items():
        words = rf"^{who}: expected 5 columns, as in the training matrix, got shape \(\d, 4\)\. Transform these rows"
        with pytest.raises(ValueError, match=words):
            call()


@pytest.mark.parametrize("query", [X[:2], sparse.csr_array(X[:3]), pd.DataFrame(X[:2]), X[:2].tolist()])
def test_several_rows_as_one_query(query: Any) -> None:
    with pytest.raises(ValueError, match=r"^find_flip_set: x: expected one query, got [23] rows\. Use find_flip_sets"):
        rw.find_flip_set(FIT, query)


def test_queries_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match=r"^find_flip_set: x: expected finite numbers, got NaN or infinity in 1"):
        rw.find_flip_set(FIT, np.array([1.0, np.nan, 0, 0, 0]))


# --- labels

LABELS: dict[str, tuple[Any, type[Exception], str]] = {
    "too short": (Y[:-1], ValueError, r"expected one label for each of the 40 rows of X, got y of shape \(39,\)"),
    "two columns": (np.column_stack([Y, Y]), ValueError, r"got y of shape \(40, 2\)"),
    "a number": (1, ValueError, r"got y of shape \(\)"),
    "one class": (np.zeros(40, dtype=int), ValueError, r"expected two classes, got only \[0\] in y\. A model needs"),
    "ids": ([f"id {i}" for i in range(40)], ValueError, r"one of its own for each of the 40 rows: \['id 0', 'id 1', "),
    "measurements": (
        0.3 * np.arange(40),
        ValueError,
        "got 40 distinct numbers that are not whole: .*as text",
    ),
    "NaN": (np.where(Y, 1.0, np.nan), ValueError, r"expected a label for every row, got \d+ missing"),
    "None": (np.array([None, *["a", "b"] * 20][:40], dtype=object), ValueError, "got 1 missing .*Drop those rows"),
    "missing text": (pd.Series([None, "a", "b", "a"] * 10), ValueError, "got 10 missing"),
    "missing bool": (pd.Series([None, True, False, True] * 10, dtype="boolean"), ValueError, "got 10 missing"),
    "mixed types": (np.array([1, "a"] * 20, dtype=object), TypeError, "expected labels of one type, got int, str"),
}


@pytest.mark.parametrize(("y", "error", "words"), LABELS.values(), ids=LABELS)
def test_labels(y: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^fit: .*{words}"):
        rw.fit(X, y)


OTHER_LABELS: dict[str, tuple[Any, str]] = {
    "text for numbers": (
        Y.astype(str),
        r"the estimator knows the classes \[0, 1\], got the labels \['0', '1'\]",
    ),
    "other numbers": (Y + 1, r"the classes \[0, 1\], got the labels \[1, 2\] in y\. Pass y as it was given"),
    "other texts": (np.array(["no", "yes"])[Y], r"the classes \[0, 1\], got the labels \['no', 'yes'\]"),
    "one of its classes": (np.ones(40, dtype=int), r"expected two classes, got only \[1\] in y"),
    "too many": (np.append(Y, 1), r"one label for each of the 40 rows of X, got y of shape \(41,\)"),
    "missing": (np.where(Y, 1.0, np.nan), r"expected a label for every row"),
}


@pytest.mark.parametrize(("y", "words"), OTHER_LABELS.values(), ids=OTHER_LABELS)
def test_labels_that_the_estimator_does_not_know(y: Any, words: str) -> None:
    model = LogisticRegression().fit(X, Y)
    with pytest.raises(ValueError, match=f"^adopt: .*{words}"):
        rw.adopt(model, X, y)


def test_numbers_for_an_estimator_of_texts() -> None:
    model = LogisticRegression().fit(X, Y.astype(str))
    with pytest.raises(ValueError, match=r"^adopt: .* knows the classes \['0', '1'\], got the labels \[0, 1\]"):
        rw.adopt(model, X, Y)


# --- C and weights


@pytest.mark.parametrize("C", [0, 0.0, -1.0, np.inf, np.nan, "1", None, 1j, [1.0]], ids=repr)
def test_strengths(C: Any) -> None:
    with pytest.raises(ValueError, match=r"^fit: expected C as a positive finite number, got .*no bound to claim"):
        rw.fit(X, Y, C=C)


def test_strengths_of_an_estimator() -> None:
    model = LogisticRegression().fit(X, Y).set_params(C=-1.0)
    with pytest.raises(ValueError, match=r"^adopt: expected C as a positive finite number, got -1\.0"):
        rw.adopt(model, X, Y)


WEIGHTS: dict[str, tuple[Any, str]] = {
    "too short": (np.ones(39), r"expected sample_weight of shape \(40,\), got \(39,\)"),
    "a number": (2.0, r"expected sample_weight of shape \(40,\), got \(\)"),
    "a column": (np.ones((40, 1)), r"expected sample_weight of shape \(40,\), got \(40, 1\)"),
    "negative": (np.where(np.arange(40) == 5, -1.0, 1.0), "expected finite, non-negative sample_weight"),
    "NaN": (np.where(np.arange(40) == 5, np.nan, 1.0), "expected finite, non-negative sample_weight"),
    "infinite": (np.where(np.arange(40) == 5, np.inf, 1.0), "expected finite, non-negative sample_weight"),
    "class 0 without": (1.0 * (Y == 1), "expected some positive sample_weight in each class, got none for 0"),
    "class 1 without": (1.0 * (Y == 0), "expected some positive sample_weight in each class, got none for 1"),
}


@pytest.mark.parametrize(("weights", "words"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights(weights: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^fit: {words}"):
        rw.fit(X, Y, sample_weight=weights)
    with pytest.raises(ValueError, match=f"^adopt: {words}"):
        rw.adopt(LogisticRegression().fit(X, Y), X, Y, weights)


# --- estimators


def fitted(penalty: str, solver: str) -> Any:
    return quiet_fit(sklearn_model(penalty, solver=solver), X, Y)


def multinomial() -> Any:
    """As scikit-learn before 1.8 makes it, and as a newer one unpickles it."""
    model = LogisticRegression(C=0.25).fit(X, Y)
    model.multi_class = "multinomial"
    return model


ESTIMATORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "unfitted": (LogisticRegression, ValueError, r"this LogisticRegression is not fitted yet\. Call its fit\(X, y\)"),
    "l1": (partial(fitted, "l1", "liblinear"), ValueError, "expected an L2 penalty, got l1.*refit with LogisticRegr"),
    "l1, saga": (partial(fitted, "l1", "saga"), ValueError, "expected an L2 penalty, got l1"),
    "elastic net": (partial(fitted, "elasticnet", "saga"), ValueError, r"got elastic net \(l1_ratio=0\.5\)"),
    "no penalty": (partial(fitted, "none", "lbfgs"), ValueError, "expected an L2 penalty, got none"),
    "two coefficient vectors": (
        multinomial,
        ValueError,
        'multi_class="multinomial" gives two classes .* Refit without multi_class; with C=0.5 the probabilities',
    ),
    "one class against another": (
        lambda: OneVsOneClassifier(LogisticRegression()).fit(X, np.arange(40) % 3),
        TypeError,
        "expected a LogisticRegression, .*, got OneVsOneClassifier.*rw.fit",
    ),
    "cross-validated": (LogisticRegressionCV, ValueError, "this LogisticRegressionCV is not fitted yet"),
    "support vectors": (LinearSVC, ValueError, "this LinearSVC is not fitted yet"),
    "a kernel": (SVC, TypeError, "expected a LogisticRegression, .*, got SVC"),
    "stochastic": (lambda: SGDClassifier(loss="log_loss"), ValueError, "this SGDClassifier is not fitted yet"),
    "regression": (LinearRegression, TypeError, "got LinearRegression"),
    "our own fit": (lambda: FIT, TypeError, "got Fit"),
    "a class": (lambda: LogisticRegression, TypeError, "got (type|ABCMeta)"),
    "nothing": (lambda: None, TypeError, "got NoneType"),
    "pipeline of another": (lambda: make_pipeline(SVC()), TypeError, "Pipeline .*, got SVC"),
    "unfitted pipeline": (lambda: make_pipeline(LogisticRegression()), ValueError, "is not fitted yet"),
}


@pytest.mark.parametrize(("make", "error", "words"), ESTIMATORS.values(), ids=ESTIMATORS)
def test_estimators(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^adopt: .*{words}"):
        rw.adopt(make(), X, Y)


def test_other_columns() -> None:
    model = LogisticRegression().fit(X, Y)
    with pytest.raises(ValueError, match=r"^adopt: .* was fitted on 5 columns, got X of shape \(40, 4\)\. Pass"):
        rw.adopt(model, X[:, :4], Y)


def test_other_column_names() -> None:
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = LogisticRegression().fit(frame, Y)
    with pytest.raises(ValueError, match=r"^adopt: the estimator was fitted on other columns: \['x', 'y'\]\. Pass the"):
        rw.adopt(model, frame.rename(columns={"b": "x", "e": "y"}), Y)
    with pytest.raises(ValueError, match=r"on other columns: \['the same names in another order'\]"):
        rw.adopt(model, frame[list("badce")], Y)


def test_texts_without_their_pipeline() -> None:
    texts = ["good room", "bad room"] * 4
    counts = CountVectorizer().fit_transform(texts)
    model = LogisticRegression().fit(counts, [1, 0] * 4)
    with pytest.raises(TypeError, match=r"^adopt: X: expected real numbers, got dtype <U9\. .*adopt the whole"):
        rw.adopt(model, texts, [1, 0] * 4)


# --- rows, thresholds, words

ROWS: dict[str, tuple[Any, type[Exception], str]] = {
    "below": ([0, -1], ValueError, "expected training rows 0 to 39, got -1"),
    "above": ([0, 40], ValueError, "expected training rows 0 to 39, got 40"),
    "huge": (np.array([2**63], dtype=np.uint64), ValueError, "expected training rows 0 to 39, got 9223372036854775808"),
    "twice": (
        [3, 1, 3],
        ValueError,
        "expected each training row once, got some twice. Naming it twice",
    ),
    "floats": ([0.0, 1.0], TypeError, r"expected training row numbers, got \[0\.0, 1\.0\]\. Pass whole"),
    "texts": (["r1"], TypeError, r"expected training row numbers, got \['r1'\]\. Pass whole numbers from 0 to 39, or"),
    "a table": (
        pd.DataFrame([[0, 1]]),
        TypeError,
        r"expected training row numbers, got int64 of shape \(1, 2\)\. Pass whole",
    ),
    "zeros and ones": (
        np.tile([1, 0], 20),
        ValueError,
        "expected training row numbers or a mask of True and False, got 0 or 1 for each of the 40 rows. Pass a mask as",
    ),
    "floats for a mask": (
        np.tile([1.0, 0.0], 20),
        ValueError,
        "expected training row numbers or a mask of True and False, got 0 or 1 for each of the 40 rows. Pass a mask as",
    ),
    "short mask": (np.ones(39, dtype=bool), ValueError, r"expected a mask of shape \(40,\), got \(39,\)"),
    "table mask": (np.ones((40, 1), dtype=bool), ValueError, r"expected a mask of shape \(40,\), got \(40, 1\)"),
}


@pytest.mark.parametrize(("rows", "error", "words"), ROWS.values(), ids=ROWS)
def test_rows(rows: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^verify: rows: {words}"):
        rw.verify(FIT, rows, X)
    with pytest.raises(error, match=f"^find_flip_set: candidates: {words}"):
        rw.find_flip_set(FIT, X[0], candidates=rows)
    with pytest.raises(error, match=f"^find_flip_sets: candidates: {words}"):
        rw.find_flip_sets(FIT, X, candidates=rows)


@pytest.mark.parametrize("threshold", [0, 1, 0.0, 1.0, -0.5, 1.5, np.nan, np.inf, "x", "0.5", (), [0.5], 1j], ids=repr)
def test_thresholds(threshold: Any) -> None:
    words = "expected a threshold strictly between 0 and 1, got"
    with pytest.raises(ValueError, match=f"^find_flip_set: {words}"):
        rw.find_flip_set(FIT, X[0], threshold=threshold)
    with pytest.raises(ValueError, match=f"^find_flip_sets: {words}"):
        rw.find_flip_sets(FIT, X, threshold=threshold)
    with pytest.raises(ValueError, match=f"^verify: {words}"):
        rw.verify(FIT, [0], X, threshold=threshold)


@pytest.mark.parametrize("edit", ["flip", "Relabel", "", None, 0], ids=repr)
def test_edits(edit: Any) -> None:
    words = f'expected edit "relabel" or "remove", got {edit!r}'
    with pytest.raises(ValueError, match=f"^find_flip_set: {words}"):
        rw.find_flip_set(FIT, X[0], edit=edit)
    with pytest.raises(ValueError, match=f"^find_flip_sets: {words}"):
        rw.find_flip_sets(FIT, X, edit=edit)
    with pytest.raises(ValueError, match=f"^verify: {words}"):
        rw.verify(FIT, [0], X, edit=edit)


@pytest.mark.parametrize("method", ["first_order", "exact", None], ids=repr)
def test_methods(method: Any) -> None:
    words = f'expected method "verified" or "first-order", got {method!r}'
    with pytest.raises(ValueError, match=f"^find_flip_set: {words}"):
        rw.find_flip_set(FIT, X[0], method=method)
    with pytest.raises(ValueError, match=f"^find_flip_sets: {words}"):
        rw.find_flip_sets(FIT, X, method=method)


@pytest.mark.parametrize(
    "budget", [-1, -0.5, np.nan, "10", True, [3], Budget(refits=-1), Budget(seconds=-1.0), {"refits": 3}], ids=repr
)
def test_budgets(budget: Any) -> None:
    words = r"expected budget as a whole number of refits, a float of seconds or a Budget, none negative, got"
    with pytest.raises(ValueError, match=f"^find_flip_set: {words}"):
        rw.find_flip_set(FIT, X[0], budget=budget)
    with pytest.raises(ValueError, match=f"^find_flip_sets: {words}"):
        rw.find_flip_sets(FIT, X, budget=budget)


COSTS: dict[str, tuple[Any, str]] = {
    "too short": (np.ones(39), r"got shape \(39,\)\."),
    "a number": (1.0, r"got shape \(\)\."),
    "negative": (np.where(np.arange(40) == 3, -1.0, 1.0), r"got shape \(40,\) with values outside that"),
    "NaN": (np.where(np.arange(40) == 3, np.nan, 1.0), "with values outside that"),
    "infinite": (np.where(np.arange(40) == 3, np.inf, 1.0), "with values outside that"),
}


@pytest.mark.parametrize(("cost", "words"), COSTS.values(), ids=COSTS)
def test_costs(cost: Any, words: str) -> None:
    expected = rf"expected cost as finite, non-negative numbers of shape \(40,\), .*{words}"
    with pytest.raises(ValueError, match=f"^find_flip_set: {expected}"):
        rw.find_flip_set(FIT, X[0], cost=cost)
    with pytest.raises(ValueError, match=f"^find_flip_sets: {expected}"):
        rw.find_flip_sets(FIT, X, cost=cost)


# --- where numerics give up


def test_a_fit_that_stops_short_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "minimise", partial(minimise, settings=NewtonSettings(max_steps=1)))
    words = r"^fit: stopped after 1 Newton steps with a Newton decrement of .*, expected at most .*C so"
    with pytest.raises(ArithmeticError, match=words):
        rw.fit(X, Y)
    with pytest.raises(
        ArithmeticError, match=r"columns of very different scale .*column 0: .*; standardise them\), or"
    ):
        rw.fit(X * [1e9, 1, 1, 1, 1], Y)


def test_influence_that_stops_short_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influence, "solve_many", partial(solve_many, max_iterations=0))
    words = r"^influence: conjugate gradients reached a relative residual of .* after 0 products, expected 1e-09"
    with pytest.raises(ArithmeticError, match=words):
        rw.relabel_influence(FIT, X)
