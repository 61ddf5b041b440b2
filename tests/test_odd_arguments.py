"""What careless callers of repairs, checking and workbenches pass is refused in words that lead on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.where(X[:, 0] + RNG.normal(size=60) > 0, "yes", "no")
TRUTH = np.where(X[:, 0] > 0, "yes", "no")
Q = RNG.normal(size=(6, 4))
YQ = np.where(Q[:, 0] > 0, "yes", "no")
MODEL = LogisticRegression(tol=1e-9).fit(X, Y)
FIT = rw.fit(X, Y)
BENCH = rw.Workbench(MODEL, X, Y, Q, YQ)

ODD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "an estimator": (
        lambda: rw.repair(MODEL, Q, "yes"),
        TypeError,
        r"repair: expected a Fit, as fit and adopt make, got LogisticRegression.*\. Adopt a scikit-learn estimator",
    ),
    "no queries": (
        lambda: rw.repair(FIT, [], "yes"),
        ValueError,
        r"repair: X_query: expected two dimensions .* got shape \(0,\), which has no rows\. Pass a matrix or a data",
    ),
    "nothing wanted": (
        lambda: rw.repair(FIT, Q, None),
        ValueError,
        r"repair: wanted: expected a class for all queries, one for each of the 6, or Rates, got None\. The classes",
    ),
    "too few classes wanted": (
        lambda: rw.repair(FIT, Q, ["yes"]),
        ValueError,
        r"repair: wanted: expected one label for each of the 6 rows, got shape \(1,\)",
    ),
    "an unknown class wanted": (
        lambda: rw.repair(FIT, Q, ["yes"] * 5 + ["hm"]),
        ValueError,
        r"repair: wanted: the estimator knows the classes \['no', 'yes'\], got .* in wanted\. Pass wanted as it was",
    ),
    "a dict of wanted classes": (lambda: rw.repair(FIT, Q, {0: "yes"}), TypeError, "repair: wanted: expected a list"),
    "processes in words": (
        lambda: rw.repair(FIT, Q, MODEL.predict(Q), n_jobs="2"),  # type: ignore[arg-type]
        ValueError,
        "repair: expected n_jobs as a positive whole number or None, got '2'",
    ),
    "rates of no share": (
        lambda: rw.repair(FIT, Q, np.array([rw.Rate(range(6), "yes", np.nan)])),
        ValueError,
        "repair: expected at_least of a Rate above 0 and at most 1, got nan",
    ),
    "test rows without classes": (
        lambda: rw.simulate_checking(FIT, TRUTH, Q),
        ValueError,
        "simulate_checking: expected X_test and y_test together, got no y_test",
    ),
    "classes of other test rows": (
        lambda: rw.simulate_checking(FIT, TRUTH, Q, YQ[:2]),
        ValueError,
        r"simulate_checking: y_test: expected one label for each of the 6 rows, got shape \(2,\)",
    ),
    "test rows of other columns": (
        lambda: rw.simulate_checking(FIT, TRUTH, Q[:, :2], YQ),
        ValueError,
        "simulate_checking: X_test: expected 4 columns",
    ),
    "nothing wrong": (
        lambda: rw.simulate_checking(FIT, Y),
        ValueError,
        "expected some labels that differ from truth, got none. Fit the model on the labels with their errors",
    ),
    "a short order": (
        lambda: rw.simulate_checking(FIT, TRUTH, order=[1, 2]),
        ValueError,
        "expected at least 50 rows in the order, got 2. Order more rows, or pass smaller numbers as checks",
    ),
    "decisions as a frame": (
        lambda: rw.next_to_check(FIT, decisions=pd.DataFrame({"row": [1], "label": ["yes"]})),  # type: ignore[arg-type]
        TypeError,
        r'got DataFrame\. Pass a dict \{row: label\}; of a frame with such .*, frame\.set_index\("row"\)\["label"\]',
    ),
    "decisions on True": (
        lambda: rw.next_to_check(FIT, decisions={True: "yes"}),
        TypeError,
        r"next_to_check: decisions: expected training row numbers, got \[True\]",
    ),
    "several labels for a row": (
        lambda: rw.next_to_check(FIT, decisions={1: np.array(["yes", "no"])}),
        ValueError,
        r"next_to_check: decisions, row 1: expected one of the labels \['no', 'yes'\], got several: array\(.*Pass one",
    ),
    "an unknown class of known rows": (
        lambda: rw.checking_outlook(FIT, Q, ["a"] * 6),
        ValueError,
        r"checking_outlook: y_known: the estimator knows .* got the labels \['a'\] in y_known",
    ),
    "a flip set for its rows": (
        lambda: BENCH.what_if(BENCH.flip_set(0)),
        TypeError,
        r"what_if: rows: expected training row numbers, got FlipSet.* Pass its \.rows, whole numbers from 0 to 59, or",
    ),
    "a table for its rows": (
        lambda: BENCH.relabel(rw.suspects(FIT, limit=3)),
        TypeError,
        r'relabel: rows: expected .*, got object of shape \(3, 4\)\. Pass its column \["row"\], whole numbers from',
    ),
    "an empty frame": (
        lambda: BENCH.import_decisions(pd.DataFrame()),
        ValueError,
        "import_decisions: expected the columns row, id, .*, got ''",
    ),
    "three arrays": (
        lambda: BENCH.import_decisions((Y, [1], [2])),
        ValueError,
        r"import_decisions: expected a pair \(labels, issues\), or a label for each .*, got a tuple of 3",
    ),
    "a number for a name": (
        lambda: BENCH.import_decisions(Y, annotator=5),  # type: ignore[arg-type]
        TypeError,
        r"import_decisions: annotator: expected a string, got int\. Pass str\(annotator\)",
    ),
    "issues in words": (
        lambda: BENCH.import_decisions(pd.DataFrame({"is_label_issue": ["a"] * 60, "predicted_label": Y})),
        TypeError,
        "import_decisions: is_label_issue: expected training row numbers, got <U1 of shape",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), ODD.values(), ids=ODD)
def test_odd_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_mask_among_objects_is_a_mask() -> None:
    """As a column of truth values is after a join."""
    mask = pd.Series([row == 3 for row in range(60)], dtype=object)
    assert rw.repair(FIT, Q, "yes", trusted=mask).size == rw.repair(FIT, Q, "yes", trusted=[3]).size
    with pytest.raises(TypeError, match="repair: trusted: expected training row numbers"):
        rw.repair(FIT, Q, "yes", trusted=mask.where(mask, None))
