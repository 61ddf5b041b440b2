"""What the page says of a flip set, a forecast and a retraining: facts are told from predictions."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from relabel_widget.widget._outcomes import of_flip_set, of_forecast, of_retrained_row, of_retraining, trend
from relabel_widget.workbench.findings import Forecast
from relabel_widget.workbench.summary import VerificationSummary


def flip_set(**changes):
    """What a search found, as far as sentences are made of it."""
    usual = {
        **{"found": True, "verified": True, "size": 3, "outcome": "Found.", "optimal": False, "lower_bound": 2},
        **{"proba_before": 0.6, "proba_after": 0.4, "predicted_after": "bad"},
        **{"own_proba_before": math.nan, "own_proba_after": math.nan, "confirmed_by": "pipeline"},
    }
    return SimpleNamespace(**{**usual, **changes})


def said(**changes):
    return of_flip_set(flip_set(**changes), several=False)


def test_a_verified_set_is_a_fact_with_what_is_proven_of_its_size():
    tone, words = said()
    assert tone == "fact"
    assert words == (
        "Relabelling 3 training rows flips the prediction after retraining: probability 0.600 → 0.400. "
        "No set of fewer than 2 rows can flip it."
    )
    assert said(lower_bound=1)[1].endswith("No smaller set was found; one may exist.")
    assert said(optimal=True)[1].endswith("No smaller set can flip it.")
    assert said(optimal=True, size=1)[1].endswith("No smaller set exists.")
    assert "flips the prediction to “bad” after" in of_flip_set(flip_set(), several=True)[1]


def test_probabilities_that_differ_never_look_the_same():
    assert "0.50004 → 0.49996" in said(proba_before=0.50004, proba_after=0.49996)[1]


def test_what_is_not_verified_is_no_fact():
    assert said(verified=False, proba_after=math.nan)[0] == "guess"
    assert "is predicted to flip it" in said(verified=False)[1]
    assert said(found=False, outcome="Cannot flip.") == ("open", "Cannot flip.")


def test_the_users_own_model_confirms_or_denies():
    own = {"own_proba_before": 0.61, "own_proba_after": 0.39}
    assert "0.400. Confirmed by refitting your pipeline: probability 0.610 → 0.390. No set" in said(**own)[1]
    tone, words = said(**own, verified=False, outcome="Not confirmed.")
    assert tone == "open"
    assert words.startswith("Set of 3 training rows. Not confirmed. Your own model, refitted: probability 0.610")


def test_a_forecast_says_that_it_is_one():
    assert of_forecast(Forecast(1, -0.8, 0.42, "bad"), 0.6) == (
        "Not retrained yet. With 1 changed label: probability 0.600 → about 0.420, so probably “bad”. "
        "Verify to confirm."
    )


def test_a_retrained_row_is_told_by_what_was_retrained():
    line = {"proba": 0.6, "own_proba": 0.62, "verified_proba": 0.4, "verified_predicted": "bad", "flipped": True}
    done = SimpleNamespace(rows=np.arange(2), how="minimiser")
    known = "Retrained with 2 changed labels: this row flips to “bad”, probability 0.600 → 0.400."
    assert of_retrained_row(line, done) == known
    pipeline = SimpleNamespace(rows=np.arange(2), how="pipeline")
    assert of_retrained_row({**line, "flipped": False}, pipeline) == (
        "Your pipeline retrained with 2 changed labels: this row stays “bad”, probability 0.620 → 0.400."
    )
    assert of_retrained_row(line, None) == of_retrained_row({**line, "verified_proba": None}, done) == ""


def test_a_retraining_is_told_with_its_scores_as_far_as_they_are_defined():
    bare = of_retraining(VerificationSummary(3, 40, 1))
    assert bare == {"words": "1 of 40 test rows changes class.", "scores": []}
    judged = {"n_became_right": 2, "n_became_wrong": 7, "p_value": 0.0004}
    scores = {"accuracy_before": 0.8, "accuracy_after": 0.75, "log_loss_before": 0.5, "log_loss_after": 0.4}
    told = of_retraining(VerificationSummary(3, 40, 9, **judged, **scores, n_known=40))
    assert told["words"] == ("9 of 40 test rows change class: 2 now right, 7 now wrong. Hardly by chance (p < 0.001).")
    assert [list(score.values()) for score in told["scores"]] == [
        ["Accuracy", "80.0%", "75.0%", "worse", "↓ worse"],
        ["Log-loss", "0.5000", "0.4000", "better", "↓ better"],
    ]


def test_scores_that_read_the_same_are_unchanged():
    scores = {"f1_before": 0.8467, "f1_after": 0.8471, "auc_before": 0.8847, "auc_after": 0.8851}
    told = of_retraining(VerificationSummary(3, 40, 0, **scores, n_known=40))
    assert [list(score.values()) for score in told["scores"]] == [
        ["F1", "0.847", "0.847", "", "= unchanged"],
        ["AUC", "0.885", "0.885", "", "= unchanged"],
    ]


def test_the_only_test_row_changes_class_or_not():
    assert of_retraining(VerificationSummary(3, 1, 0))["words"] == "0 of 1 test row changes class."


@pytest.mark.parametrize(
    ("before", "after", "falls", "expected"),
    [
        (0.8, 0.9, False, ("↑", "better")),
        (0.4, 0.5, True, ("↑", "worse")),
        (0.5, 0.4, True, ("↓", "better")),
        (0.5, 0.5, False, ("=", "")),
    ],
)
def test_where_a_score_went_and_what_that_is_worth_are_told_apart(before, after, falls, expected):
    assert trend(before, after, falls=falls) == expected
