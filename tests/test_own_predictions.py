"""What a retraining is compared with: what the same estimator said before, which may not be what the fit says."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from widget_cases import ask, page, rows_of

import relabel_widget as rw
from relabel_widget.facts import signed
from relabel_widget.widget._words import picked

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    """An estimator that stopped at once predicts otherwise than the minimum, and is retrained on suspect labels."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(90, 4)) * [1, 5, 1, 1]
    y = np.where(X[:, 0] + 0.2 * X[:, 1] + 0.8 * rng.normal(size=90) > 0, "p", "n")
    with pytest.warns(UserWarning, match="max_iter|lbfgs"):
        early = LogisticRegression(max_iter=1).fit(X[:60], y[:60])
    made = rw.Workbench(early, X[:60], y[:60], X[60:], y[60:])
    rows = made.suspects()["row"].tolist()[:6]
    made.set_relabelled(rows, rows)
    assert made.verify().how == "estimator"
    return made


def test_flips_are_of_the_estimators_own_predictions(bench):
    done, summary = bench.verification, bench.verification_summary()
    widget = rw.RelabelWidget(bench)
    flipped = np.flatnonzero(done.flipped)
    listed = bench.test_rows()["predicted"].to_numpy()[flipped]
    assert (listed == done.classes[done.predicted_after[flipped]]).all()  # the fit said so all along
    assert (summary.n_became_right, summary.n_became_wrong) == (len(flipped), 0)
    assert rows_of(page(widget, filter="became_right")) == flipped.tolist()
    assert rows_of(page(widget, filter="became_wrong")) == []
    verdicts = [line["verdict"] for line in page(widget, filter="flipped")["rows"]]
    assert verdicts == [{"words": "▲ flips", "worth": "better", "to": "from p to n"}] * len(flipped)
    change = {row: f"{done.proba_before[row]:.3f} → {done.proba_after[row]:.3f}" for row in flipped.tolist()}
    flips = ask(widget, "flips")["rows"]
    assert {flip["row"]: flip["change"] for flip in flips} == change
    assert {flip["words"] for flip in flips} == {"▲ now right"}
    widget.close()


def test_a_report_and_a_chart_tell_the_same(bench, tmp_path):
    summary = bench.verification_summary()
    report = bench.report(tmp_path / "report.html").read_text()
    assert report.count("became right") == summary.n_became_right
    assert "became wrong" not in report
    chart = bench.chart("before-after").to_dict()
    points = chart["layer"][-1]["data"]["values"]
    assert json.dumps(points).count("became right") == summary.n_became_right
    assert [one["before"] for one in points] == pytest.approx(bench.verification.proba_before.tolist(), abs=1e-4)


def test_tiny_and_huge_numbers_are_short_and_have_one_kind_of_minus():
    numbers = (0.00012, -1e-9, -1e-120, 999_999.0, 6.3e10, -1e300, math.inf)
    told = ["+1.2e−4", "−1.0e−9", "−1.0e−120", "+999999.0", "+6.3e10", "−1.0e300", "+inf"]
    assert [signed(one) for one in numbers] == told


def test_a_choice_is_told_without_certainty():
    line = {"row": 3, "label": None, "predicted": "p", "proba": 0.99999}
    assert picked(line, ["n", "p"]) == "Test row 3 is predicted “p” (probability of “p” >0.999)."
