"""Naive Bayes as fits: scikit-learn's own numbers, and what an edit does to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from bayes_cases import BayesCase, random_case, scores_by_definition
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline

import relabel_widget as rw

P = 6
MODELS = {
    "multinomial": MultinomialNB(),
    "alpha by column": MultinomialNB(alpha=np.linspace(0.1, 2, P), fit_prior=False),
    "least alpha": MultinomialNB(alpha=0.0, force_alpha=False),
    "given prior": MultinomialNB(class_prior=[0.2, 0.5, 0.3]),
    "complement": ComplementNB(alpha=0.3),
    "bernoulli": BernoulliNB(),
    "bernoulli above 1": BernoulliNB(alpha=0.3, binarize=1.0),
    "bernoulli, given prior": BernoulliNB(class_prior=[0.2, 0.5, 0.3]),
    "bernoulli, uniform prior": BernoulliNB(fit_prior=False),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return clone(request.param)


def counts(n: int = 50, seed: int = 0, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % n_classes)
    x = rng.poisson(rng.gamma(0.8, 1.0, (n_classes, P))[y]).astype(float)
    return x, y, rng.choice([0.0, 0.5, 1.0, 3.0], n)


def for_classes(model: Any, n_classes: int) -> Any:
    if model.class_prior is not None and n_classes == 2:
        model.set_params(class_prior=[0.3, 0.7])
    return model


@pytest.mark.filterwarnings("ignore:alpha too small")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_scikit_learns(model: Any, n_classes: int, weighted: bool) -> None:
    x, y, w = counts(n_classes=n_classes)
    weights = w if weighted else None
    model = for_classes(model, n_classes).fit(x, y, weights)
    fit = rw.adopt(model, x, y, weights)
    queries = np.vstack([x, np.zeros(P), np.full(P, 7.0)])
    joint, proba = model.predict_joint_log_proba(queries), model.predict_proba(queries)
    assert_allclose(fit.scores(queries), joint, atol=1e-9, rtol=0)
    if n_classes == 2:
        assert_allclose(fit.decision(queries), joint[:, 1] - joint[:, 0], atol=1e-9, rtol=0)
        assert_allclose(fit.proba(queries), proba[:, 1], atol=1e-9, rtol=0)
    else:
        assert_allclose(fit.decision(queries), joint, atol=1e-9, rtol=0)
        assert_allclose(fit.proba(queries), proba, atol=1e-9, rtol=0)
    seen = queries if fit.trained.cut is None else (queries > fit.trained.cut).astype(float)
    assert_allclose(seen @ fit.coef.T + fit.intercept, fit.decision(queries), atol=1e-9, rtol=0)
    assert fit.coef.shape == ((P,) if n_classes == 2 else (n_classes, P))
    assert fit.n_rows == len(y)
    assert (fit.y == y).all()
    assert (fit.classes == model.classes_).all()


@pytest.mark.filterwarnings("ignore:alpha too small")
def test_an_edit_is_a_refit(model: Any) -> None:
    x, y, w = counts()
    fit = rw.adopt(clone(model).fit(x, y, w), x, y, w)
    rows = np.array([3, 17, 20, 44])
    labels = (y[rows] + 1) % 3
    edited, left = y.copy(), w.copy()
    edited[rows], left[rows] = labels, 0.0
    by_labels, without = fit.refit(rows, labels=labels), fit.refit(rows, "remove")
    assert_allclose(by_labels.scores(x), clone(model).fit(x, edited, w).predict_joint_log_proba(x), atol=1e-9)
    assert_allclose(without.scores(x), clone(model).fit(x, y, left).predict_joint_log_proba(x), atol=1e-9)
    assert (by_labels.y == edited).all()
    assert (fit.y == y).all()
    assert_allclose(by_labels.refit(rows, labels=y[rows]).scores(x), fit.scores(x), atol=1e-9)
    assert_allclose(fit.refit([3], labels=[y[3]]).scores(x), fit.scores(x))


def test_the_definition_that_oracles_use_is_scikit_learns() -> None:
    for seed in range(12):
        case = random_case(seed, 20, 3, weighted=True)
        members = (case.y[:, None] == np.arange(3)) * case.row_weights()[:, None]
        scores = scores_by_definition(case, members[None])[0]
        theirs = case.fitted().predict_joint_log_proba(case.query[None])[0]
        assert_allclose(scores - scores[0], theirs - theirs[0], atol=1e-9)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "least alpha"])  # too curved for differences
@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_influence_is_the_derivative_in_a_rows_membership(name: str, edit: str, n_classes: int) -> None:
    x, y, w = counts(20, 3, n_classes)
    case = BayesCase(for_classes(clone(MODELS[name]), n_classes), x, y, x[4] + x[5], w)
    fit = case.fit()
    influence = rw.relabel_influence if edit == "relabel" else rw.removal_influence
    found = influence(fit, case.query[None])[0]
    members = (y[:, None] == np.arange(n_classes)) * w[:, None]
    scores = fit.scores(case.query[None])[0]
    first, second = (1, 0) if n_classes == 2 else np.argsort(-scores)[:2]

    def slope(row: int, to: int | None) -> float:
        step = 1e-5
        way = np.zeros_like(members)
        way[row, y[row]] -= w[row]
        if to is not None:
            way[row, to] += w[row]
        ahead, behind = scores_by_definition(case, np.array([members + step * way, members - step * way]))
        return float((ahead[first] - ahead[second] - behind[first] + behind[second]) / (2 * step))

    for row in range(20):
        if edit == "remove":
            assert found[row] == pytest.approx(slope(row, None), abs=1e-6)
        elif n_classes == 2:
            assert found[row] == pytest.approx(slope(row, 1 - y[row]), abs=1e-6)
        else:
            assert found[row] == pytest.approx([slope(row, k) for k in range(3)], abs=1e-6)


def test_verify_compares_with_the_refit() -> None:
    x, y, _ = counts()
    fit = rw.adopt(MultinomialNB().fit(x, y), x, y)
    rows, labels = [1, 2, 5, 9], (y[[1, 2, 5, 9]] + 2) % 3
    edited = y.copy()
    edited[rows] = labels
    model = MultinomialNB().fit(x, edited)
    result = rw.verify(fit, rows, x, labels=labels)
    assert_allclose(result.proba_after, model.predict_proba(x), atol=1e-9)
    assert_allclose(result.proba_before, fit.proba(x))
    assert (result.flipped == (model.predict(x) != MultinomialNB().fit(x, y).predict(x))).all()
    assert (result.fit.y == edited).all()


def test_verify_with_two_classes_swaps_and_takes_a_threshold() -> None:
    x, y, _ = counts(n_classes=2)
    fit = rw.adopt(MultinomialNB().fit(x, y), x, y)
    edited = y.copy()
    edited[[1, 2, 3]] ^= 1
    model = MultinomialNB().fit(x, edited)
    result = rw.verify(fit, [1, 2, 3], x, threshold=0.3)
    assert_allclose(result.proba_after, model.predict_proba(x)[:, 1], atol=1e-9)
    assert (result.flipped == ((fit.proba(x) > 0.3) != (model.predict_proba(x)[:, 1] > 0.3))).all()


def test_a_pipeline_takes_raw_rows() -> None:
    texts = ["good film", "bad film", "good good plot", "bad plot", "dull dull film", "a good one"]
    y = np.array(["yes", "no", "yes", "no", "no", "yes"])
    pipeline = make_pipeline(CountVectorizer(), TfidfTransformer(), MultinomialNB()).fit(texts, y)
    fit = rw.adopt(pipeline, texts, y)
    assert_allclose(fit.proba(["good film", "dull"]), pipeline.predict_proba(["good film", "dull"])[:, 1])
    found = rw.find_flip_set(fit, "good film")
    assert found.verified
    assert found.predicted_before == "yes"
    edited = y.copy()
    edited[found.rows] = found.labels
    assert clone(pipeline).fit(texts, edited).predict(["good film"])[0] == "no"


def selecting(n_classes: int) -> tuple[Any, list[str], np.ndarray]:
    """A pipeline that selects words by the labels, and rows of which some are mislabelled."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, n_classes, 80)
    words = np.array([f"w{j}" for j in range(40)])
    rates = rng.gamma(0.5, 0.3, (n_classes, 40))
    texts = [" ".join(np.repeat(words, rng.poisson(rates[k]))) or "w0" for k in y]
    return make_pipeline(CountVectorizer(), SelectKBest(chi2, k=8), MultinomialNB()), texts, y


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("how", ["estimator", "pipeline"])
def test_verify_refits_the_own_estimator(n_classes: int, how: Any) -> None:
    pipeline, texts, y = selecting(n_classes)
    pipeline.fit(texts, y)
    fit = rw.adopt(pipeline, texts, y)
    rows = [2, 5, 11, 20]
    edited = y.copy()
    edited[rows] = (y[rows] + 1) % n_classes
    result = rw.verify(fit, rows, texts, labels=edited[rows], how=how)
    if how == "pipeline":
        theirs = clone(pipeline).fit(texts, edited).predict_proba(texts)
    else:
        features = pipeline[:-1].transform(texts)
        theirs = MultinomialNB().fit(features, edited).predict_proba(features)
    assert_allclose(result.proba_after, theirs[:, 1] if n_classes == 2 else theirs, atol=1e-9)
    before = pipeline.predict_proba(texts)
    assert_allclose(result.proba_before, before[:, 1] if n_classes == 2 else before, atol=1e-9)
    assert (result.flipped == (theirs.argmax(axis=1) != before.argmax(axis=1))).all()
    assert result.fit is None
    assert result.how == how


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_pipeline_that_looks_at_labels_has_the_last_word(n_classes: int) -> None:
    pipeline, texts, y = selecting(n_classes)
    pipeline.fit(texts, y)
    fit = rw.adopt(pipeline, texts, y)
    seen = set()
    for text in texts[:25]:
        found = rw.find_flip_set(fit, text)
        if not len(found.rows):
            continue
        edited = y.copy()
        edited[found.rows] = found.labels
        flips = clone(pipeline).fit(texts, edited).predict([text]) != pipeline.predict([text])
        assert found.verified == bool(flips)
        assert found.confirmed_by == ("pipeline" if flips else "minimiser")
        assert (found.outcome == rw.Outcome.CONTRADICTED) == (not flips)
        seen.add(bool(flips))
    assert seen == {True, False}


def test_data_frames_and_every_storage(tmp_path: Any) -> None:
    x, y, _ = counts()
    frame = pd.DataFrame(x, columns=list("abcdef"))
    model = MultinomialNB().fit(frame, y)
    expected = rw.adopt(model, frame, y)
    with pytest.raises(ValueError, match="fitted on other columns"):
        rw.adopt(model, frame[list("bacdef")], y)
    design = rw.write_design(tmp_path / "x.rlw", sparse.csr_array(x))
    plain = MultinomialNB().fit(x, y)
    for other in (sparse.csr_array(x), sparse.csc_matrix(x), np.asfortranarray(x), design):
        fit = rw.adopt(plain, other, y)
        assert_allclose(fit.scores(x), expected.scores(x))
        assert rw.find_flip_set(fit, x[0]).rows.tolist() == rw.find_flip_set(expected, x[0]).rows.tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_weight_2_is_a_row_twice_and_0_no_row(seed: int) -> None:
    case = random_case(seed, 24, 3)
    weights = np.random.default_rng(seed).integers(0, 3, 24).astype(float)
    weights[np.unique(case.y, return_index=True)[1]] = 1.0
    model, times = case.model, weights.astype(int)
    x, y = np.repeat(case.x, times, axis=0), np.repeat(case.y, times)
    weighted = rw.adopt(clone(model).fit(case.x, case.y, weights), case.x, case.y, weights)
    repeated = rw.adopt(clone(model).fit(x, y), x, y)
    assert_allclose(weighted.scores(case.x), repeated.scores(case.x), atol=1e-9)
    query = case.query[None]
    if np.ptp(np.sort(weighted.scores(query)[0])[-2:]) < 1e-9:
        return  # which of the two is predicted is decided by rounding
    one, other = rw.relabel_influence(weighted, query)[0], rw.relabel_influence(repeated, query)[0]
    firsts = np.cumsum(times) - times
    kept = times > 0
    assert_allclose(one[kept], other[firsts[kept]] * weights[kept, None], atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_held_out_scores_are_those_of_cross_validation(model: Any, n_classes: int) -> None:
    if not model.force_alpha:
        model.set_params(force_alpha=True, alpha=1e-3)  # smaller ones lose all digits
    x, y, _ = counts(n_classes=n_classes)
    model = for_classes(model, n_classes)
    fit = rw.adopt(clone(model).fit(x, y), x, y)
    folds = np.arange(len(y)) // 17
    expected = np.empty((len(y), n_classes))
    for fold in range(3):
        out = folds == fold
        expected[out] = clone(model).fit(x[~out], y[~out]).predict_joint_log_proba(x[out])
    found = fit.held_out(folds)
    assert_allclose(found - found[:, :1], expected - expected[:, :1], atol=1e-9)


def test_a_class_in_one_fold_is_impossible_there() -> None:
    x, y, _ = counts()
    fit = rw.adopt(MultinomialNB().fit(x, y), x, y)
    scores = fit.held_out((y == 2).astype(int))
    assert np.isfinite(scores).all()
    assert (scores[y == 2].argmax(axis=1) != 2).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_suspects_find_planted_errors(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 600)
    x = rng.poisson(rng.gamma(0.5, 0.3, (n_classes, 60))[y]).astype(float)
    wrong = rng.random(600) < 0.1
    given_labels = np.where(wrong, (y + 1) % n_classes, y)
    fit = rw.adopt(MultinomialNB().fit(x, given_labels), x, given_labels)
    found = rw.suspects(fit)
    assert sorted(found["row"]) == list(range(600))
    assert (found["label"] == given_labels[found["row"]]).all()
    assert (found["label"] != found["suggested"]).all()
    first = found["row"][: int(0.5 * wrong.sum())]
    assert wrong[first].mean() > 0.75
    assert (found["suggested"][: len(first)] == y[first]).mean() > 0.75
    decided = {int(first.iloc[0]): int(y[first.iloc[0]]), int(first.iloc[1]): int(given_labels[first.iloc[1]])}
    after = rw.suspects(fit, decisions=decided, limit=5)
    assert len(after) == 5
    assert not set(after["row"]) & set(decided)
    other = rw.suspects(fit, decisions={int(r): int(y[r]) for r in found["row"][:200]})
    rest = found[~found["row"].isin(found["row"][:200])]
    assert other["row"].tolist() != rest["row"].tolist()  # decisions taught something


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "unfitted": (MultinomialNB(), ValueError, "MultinomialNB is not fitted yet"),
    "no smoothing": (MultinomialNB(alpha=0.0), ValueError, r"positive alpha, got 0.0.*MultinomialNB\(alpha=1e-10\)"),
    "norm": (ComplementNB(norm=True), ValueError, "norm=False, got norm=True"),
    "other naive Bayes": (GaussianNB(), TypeError, "naive Bayes of counts .*got GaussianNB"),
    "no prior": (MultinomialNB(class_prior=[0.0, 0.5, 0.5]), ValueError, "positive class_prior"),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_way_out(name: str) -> None:
    model, kind, words = REFUSED[name]
    x, y, _ = counts()
    model = clone(model) if name == "unfitted" else clone(model).fit(x, y)
    with pytest.raises(kind, match=words):
        rw.adopt(model, x, y)


def test_other_rows_than_it_was_fitted_on_are_refused() -> None:
    x, y, w = counts()
    model = MultinomialNB().fit(x, y, w)
    with pytest.raises(ValueError, match="other counts than these rows, labels and weights"):
        rw.adopt(model, x, y)
    with pytest.raises(ValueError, match="fitted on 6 columns, got X of shape"):
        rw.adopt(model, x[:, 1:], y, w)
    with pytest.raises(ValueError, match="got negative values"):
        rw.adopt(model, -x, y, w)
    with pytest.raises(ValueError, match="sample_weight of shape"):
        rw.adopt(model, x, y, w[1:])
    with pytest.raises(ValueError, match="non-negative sample_weight"):
        rw.adopt(model, x, y, -w)
    with pytest.raises(ValueError, match="positive weight in each class, got none for 0"):
        rw.adopt(model, x, y, np.where(y == 0, 0.0, 1.0))
    with pytest.raises(ValueError, match="knows the classes"):
        rw.adopt(model, x, y + 1, w)


def test_bernoulli_without_binarize_takes_0_and_1_alone() -> None:
    x, y, _ = counts()
    binary = (x > 0).astype(float)
    fit = rw.adopt(BernoulliNB(binarize=None).fit(binary, y), binary, y)
    other = rw.adopt(BernoulliNB().fit(x, y), x, y)
    assert_allclose(fit.scores(binary), other.scores(x))
    assert rw.find_flip_set(fit, binary[0]).size == rw.find_flip_set(other, x[0]).size
    with pytest.raises(ValueError, match="values 0 and 1 for a BernoulliNB with binarize=None"):
        rw.adopt(BernoulliNB(binarize=None).fit(binary, y), x, y)
    with pytest.raises(ValueError, match="query of values 0 and 1"):
        rw.find_flip_set(fit, np.full(P, 2.0))
    model = BernoulliNB().fit(x, y).set_params(alpha=np.ones(P))
    with pytest.raises(ValueError, match="one number as alpha"):
        rw.adopt(model, x, y)


def test_one_class_is_refused() -> None:
    x, _, _ = counts()
    model = MultinomialNB().fit(x, np.zeros(len(x)))
    with pytest.raises(ValueError, match="two classes or more, got only"):
        rw.adopt(model, x, np.zeros(len(x)))


def test_refit_checks_what_it_gets() -> None:
    x, y, _ = counts()
    fit = rw.adopt(MultinomialNB().fit(x, y), x, y)
    with pytest.raises(ValueError, match="new labels of the rows, because there are 3 classes"):
        fit.refit([1])
    with pytest.raises(ValueError, match="one label for each of the 1 rows"):
        fit.refit([1], labels=[1, 2])
    with pytest.raises(ValueError, match="one of the labels"):
        fit.refit([1], labels=["a"])
    rows = np.flatnonzero(y != 1)[:3]
    assert_allclose(fit.refit(rows, labels=1).scores(x), fit.refit(rows, labels=[1, 1, 1]).scores(x))
    with pytest.raises(ValueError, match="leaves no examples of 2"):
        fit.refit(y == 2, "remove")
    with pytest.raises(ValueError, match="leaves no examples of 2"):
        rw.verify(fit, np.flatnonzero(y == 2), x, labels=np.zeros(np.count_nonzero(y == 2), dtype=int))


def test_what_needs_a_hessian_says_what_takes_a_naive_bayes() -> None:
    x, y, _ = counts(n_classes=2)
    model = MultinomialNB().fit(x, y)
    fit = rw.adopt(model, x, y)
    with pytest.raises(TypeError, match=r"leverages: expected a Fit with coefficients, got BayesFit.*verify"):
        rw.leverages(fit)
    bound = rw.remainder_bound(rw.adopt(LogisticRegression().fit(x, y), x, y))
    with pytest.raises(ValueError, match="no bound and no table for a naive Bayes"):
        rw.find_flip_set(fit, x[0], bound=bound)
