"""What the page says where a person's own estimator is not the minimum that is searched."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from playwright.sync_api import expect
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from widget_harness import ROOT, hotel_workbench

import relabel_widget as rw

pytestmark = pytest.mark.browser


def bench_of(*steps):
    table = pd.read_csv(ROOT / "examples" / "data" / "hotel_reviews.csv")
    train, test = table[table["split"] == "train"], table[table["split"] == "test"]
    texts, labels = train["text"].tolist(), train["label"].to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(CountVectorizer(), *steps).fit(texts, labels)
    return rw.Workbench(model, texts, labels, test["text"].tolist(), test["label"].to_numpy())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_estimator_that_stopped_early_is_told_apart(show, theme):
    bench = bench_of(LogisticRegression(C=1e4, max_iter=4))
    one = show(bench, theme=theme, width=1400)
    expect(one.page.locator(".rlw-own-note")).to_contain_text("stopped at max_iter=4")
    row = int((bench.test_rows()["proba"] - bench.test_rows()["own_proba"]).abs().argmax())
    own = bench.test_rows()["own_proba"][row]
    one.widget.test_row = row
    expect(one.page.locator(".rlw-card").first).to_contain_text(f"your estimator {own:.3f}")
    one.button("Find flip set").click()
    note = one.page.locator(".rlw-outcome").first
    expect(note).to_contain_text("refit")
    found = bench.known_flip_set(row)
    words = "Confirmed by refitting your estimator" if found.verified else "Your own model, refitted"
    expect(note).to_contain_text(f"{words}: probability {found.own_proba_before:.3f}")
    one.shot(f"own-model-{theme}")
    one.button("Try this set").click()
    one.button("Verify by retraining").click()
    expect(one.page.locator(".rlw-happens")).to_contain_text("Your estimator retrained")


def test_a_pipeline_that_looks_at_labels_is_retrained_whole(show):
    bench = bench_of(SelectKBest(chi2, k=60), LogisticRegression(max_iter=1000))
    one = show(bench, width=1400)
    one.pick(3)
    one.button("Find flip set").click()
    expect(one.status).to_contain_text("Confirmed by refitting your pipeline")
    one.relabel_set(bench.known_flip_set(3).size)
    one.button("Verify by retraining").click()
    expect(one.page.locator(".rlw-happens")).to_contain_text("Your pipeline retrained")
    assert bench.verification.how == "pipeline"


def test_without_a_difference_nothing_is_said(show):
    one = show(hotel_workbench())
    expect(one.page.locator(".rlw-own-note")).to_be_hidden()
