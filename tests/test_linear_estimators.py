"""Ridge, support vectors, stochastic steps, one class against the rest: adopted, and sets hold in their own refits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_cases import ALL, EXACT, STOCHASTIC, Array, named_case, refitted
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import relabel_widget as rw
from relabel_widget.bound import SmallRest

SEEDS = st.integers(0, 10_000)
N_QUERIES = 40


def queries_of(seed: int, p: int = 4) -> Array:
    return np.random.default_rng(seed + 1).normal(size=(N_QUERIES, p))


# --- adoption


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_its_minimiser_is_the_estimators(make: Callable[[], Any], n_classes: int) -> None:
    x, y = named_case(1, n_classes=n_classes)
    model = refitted(make(), x, y)
    fit = rw.adopt(model, x, y)
    assert_allclose(fit.decision(x), model.decision_function(x), rtol=0, atol=1e-5)
    assert fit.polish.largest_change < 1e-5
    wide = sparse.csr_array(x)
    assert_allclose(rw.adopt(refitted(make(), wide, y), wide, y).coef, fit.coef, rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", STOCHASTIC.values(), ids=STOCHASTIC)
def test_stochastic_steps_end_near_its_minimiser(make: Callable[[], Any], n_classes: int) -> None:
    x, y = named_case(1, n_classes=n_classes)
    model = refitted(make(), x, y)
    fit = rw.adopt(model, x, y)
    assert_allclose(fit.decision(x), model.decision_function(x), rtol=0, atol=0.05)


@pytest.mark.parametrize("make", [lambda: LinearSVC(dual=False, tol=1e-10), lambda: RidgeClassifier(alpha=0.3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_of_rows_count(make: Callable[[], Any], n_classes: int) -> None:
    """Weight 2 is the row twice."""
    x, y = named_case(2, n_classes=n_classes)
    weights = np.random.default_rng(0).integers(1, 3, 60)
    model = refitted(make(), x, y, sample_weight=weights)
    fit = rw.adopt(model, x, y, weights)
    assert_allclose(fit.decision(x), model.decision_function(x), rtol=0, atol=1e-6)
    twice = np.repeat(np.arange(60), weights)
    assert_allclose(rw.adopt(refitted(make(), x[twice], y[twice]), x[twice], y[twice]).coef, fit.coef, atol=1e-8)


# --- influence


@pytest.mark.parametrize("make", [lambda: LinearSVC(dual=False, tol=1e-12), lambda: RidgeClassifier(alpha=0.3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_influence_is_a_derivative(make: Callable[[], Any], n_classes: int) -> None:
    """In the share of a row's weight that has another label, or none, by scikit-learn's refits with a little of it."""
    x, y = named_case(3, n=40, n_classes=n_classes)
    queries, h = queries_of(3)[:3], 1e-4
    model = refitted(make(), x, y)
    fit = rw.adopt(model, x, y)
    before = model.decision_function(queries)
    nearest = np.argsort(-before, axis=1)[:, :2] if n_classes > 2 else None

    def margins(decision: Array) -> Array:
        if nearest is None:
            return decision
        every = np.arange(len(decision))
        return np.asarray(decision[every, nearest[:, 0]] - decision[every, nearest[:, 1]])

    relabel, removal = rw.relabel_influence(fit, queries), rw.removal_influence(fit, queries)
    for row in (0, 7, 20, 33):
        weights = np.ones(40)
        weights[row] -= h
        less = margins(refitted(model, x, y, sample_weight=weights).decision_function(queries))
        assert_allclose((less - margins(before)) / h, removal[:, row], atol=2e-3)
        for code, label in enumerate(fit.classes):
            if label == y[row]:
                continue
            both = np.append(x, x[[row]], axis=0), np.append(y, label)
            moved = margins(refitted(model, *both, sample_weight=np.append(weights, h)).decision_function(queries))
            expected = relabel[:, row] if n_classes == 2 else relabel[:, row, code]
            assert_allclose((moved - margins(before)) / h, expected, atol=2e-3)


# --- sets


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_sets_hold_in_its_own_refits(make: Callable[[], Any], n_classes: int) -> None:
    x, y = named_case(4, n=50, n_classes=n_classes)
    queries = queries_of(4)
    model = refitted(make(), x, y)
    fit = rw.adopt(model, x, y)
    sets = rw.find_flip_sets(fit, queries, n_jobs=1)
    before = model.predict(queries)
    verified = [each for each in sets if each.verified]
    assert len(verified) == N_QUERIES or (make in STOCHASTIC.values() and len(verified) >= 0.9 * N_QUERIES)
    for each, query, label in zip(sets, queries, before, strict=True):
        assert 1 <= each.lower_bound <= each.size
        if each.verified:
            assert each.predicted_before == label
            assert refitted(model, x, y, each).predict(query[None])[0] != label
    confirmed = rw.verify(fit, sets[0].rows, queries[:1], labels=sets[0].labels, how="estimator")
    assert confirmed.flipped[0]


def test_a_set_of_three_classes_that_the_estimator_contradicts_is_enlarged() -> None:
    x, y = named_case(4, n=80)
    model = refitted(SGDClassifier(loss="log_loss", alpha=0.01, max_iter=3, tol=None, random_state=0), x, y)
    fit, queries = rw.adopt(model, x, y), queries_of(4)
    sets, plain = rw.find_flip_sets(fit, queries, n_jobs=1), rw.find_flip_sets(fit.bare(), queries, n_jobs=1)
    grown = 0
    for each, short, query in zip(sets, plain, queries, strict=True):
        if each.verified:
            assert refitted(model, x, y, each).predict(query[None])[0] != model.predict(query[None])[0]
        if each.verified and each.size > short.size:
            grown += 1
            assert_array_equal(each.rows[: short.size], short.rows)
            assert each.confirmed_by == "estimator"
            refit = fit.refit(each.rows, labels=each.labels)
            code = list(fit.classes).index(each.predicted_before)
            assert_allclose(each.proba_after, refit.proba(query[None])[0, code], atol=1e-7)
    assert grown
    assert not any(
        each.size > short.size for each, short in zip(rw.find_flip_sets(fit, queries, budget=500), plain, strict=True)
    )


@pytest.mark.parametrize("name", ["ridge", "support vectors", "steps, modified_huber", "one vs rest, logistic"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sets_of_other_kinds(name: str, n_classes: int) -> None:
    """Removals, costs, candidates, a target, budgets, the paper's algorithm."""
    x, y = named_case(5, n=40, n_classes=n_classes)
    model = refitted(ALL[name](), x, y)
    fit = rw.adopt(model, x, y)
    query = x[3] * 0.3
    least = fit.classes[int(np.argmin(np.atleast_1d(fit.proba(query[None])[0])))] if n_classes > 2 else None
    removal = rw.find_flip_set(fit, query, edit="remove")
    if removal.verified:
        kept = np.setdiff1d(np.arange(40), removal.rows)
        assert refitted(model, x[kept], y[kept]).predict(query[None])[0] != model.predict(query[None])[0]
    costs = np.random.default_rng(0).uniform(0.5, 2, 40)
    cheap, small = rw.find_flip_set(fit, query, cost=costs), rw.find_flip_set(fit, query)
    assert cheap.verified
    assert costs[cheap.rows].sum() <= costs[small.rows].sum() + 1e-9
    some = rw.find_flip_set(fit, query, candidates=np.arange(30))
    assert not some.verified or some.rows.max() < 30
    assert not rw.find_flip_set(fit, query, budget=0).verified
    paper = rw.find_flip_set(fit, query, method="first-order")
    assert paper.found
    assert not paper.verified
    if least is not None:
        wanted = rw.find_flip_set(fit, query, target=least)
        assert wanted.verified
        assert refitted(model, x, y, wanted).predict(query[None])[0] == least


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, n_classes=st.integers(2, 4))
def test_ridge_sets_are_the_smallest(seed: int, n_classes: int) -> None:
    """By trying all sets of up to three rows in closed form: decisions are linear in targets."""
    x, y = named_case(seed, n=16, p=2, n_classes=n_classes)
    model = RidgeClassifier(alpha=0.5).fit(x, y)
    fit = rw.adopt(model, x, y)
    query = np.random.default_rng(seed).normal(size=2)
    found = rw.find_flip_set(fit, query)
    targets = np.where(y[:, None] == fit.classes, 1.0, -1.0)
    centred = x - x.mean(axis=0)
    hat = (query - x.mean(axis=0)) @ np.linalg.solve(centred.T @ centred + 0.5 * np.eye(2), centred.T) + 1 / len(x)
    decision = model.decision_function(query[None])[0]
    assert_allclose(hat @ targets, decision if n_classes > 2 else [-decision, decision], atol=1e-9)
    code = int(np.argmax(hat @ targets))
    assert found.optimal
    assert found.verified
    for size in range(1, min(found.size, 4)):
        for rows in combinations(range(len(x)), size):
            edited = _best_targets(targets, list(rows), hat, code)
            assert all(int(np.argmax(hat @ each)) == code for each in edited)


def _best_targets(targets: Array, rows: list[int], hat: Array, code: int) -> list[Array]:
    """Of each rival the targets in which each of the rows has the label that helps it most."""
    unit = np.eye(targets.shape[1])
    out = []
    for rival in range(len(unit)):
        edited = targets.copy()
        for row in rows:
            helped = hat[row] * (unit[:, rival] - unit[:, code])
            edited[row] = 2.0 * unit[int(np.argmax(helped))] - 1.0
        if len(set(edited.argmax(axis=1).tolist())) == len(unit):
            out.append(edited)
    return out


@pytest.mark.parametrize("name", ["one vs rest, logistic", "support vectors", "steps, modified_huber"])
@pytest.mark.parametrize("seed", range(3))
def test_sizes_are_the_optimum_of_three_classes(name: str, seed: int) -> None:
    """Every set of one or two rows of forty."""
    x, y = named_case(seed, n=40, p=2)
    model = refitted(ALL[name](), x, y)
    fit, query = rw.adopt(model, x, y), np.random.default_rng(seed).normal(size=2)
    found = rw.find_flip_set(fit, query)
    problem, code = fit.problem, int(fit.decision(query[None])[0].argmax())
    small = SmallRest.of(fit, np.append(query, 1.0), code, None, "relabel")
    edits = np.array([row * 3 + label for row in range(40) for label in range(3) if fit.classes[label] != y[row]])
    for size in range(1, min(found.size, 3)):
        sets = np.array(list(combinations(edits, size)))
        margins, doubts = small.margins(sets)
        assert (margins - doubts > 0).all()
        for place in np.argsort(margins)[:3]:  # those nearest to a flip, by full refits
            rows, labels = problem.rows_of(sets[place]), problem.new_labels(sets[place], "relabel")
            eta = fit.refit(rows, labels=labels).decision(query[None])[0]
            assert_allclose(eta[code] - np.delete(eta, code).max(), margins[place], atol=1e-6)
    assert found.lower_bound >= min(found.size, 2)


@pytest.mark.parametrize("edit", ["relabel", "remove"])
@pytest.mark.parametrize("name", ["one vs rest, logistic", "support vectors, no intercept", "steps, modified_huber"])
def test_small_refits_are_as_far_off_as_they_say(name: str, edit: Any) -> None:
    """Margins of wide rows, for a target, against full refits."""
    x, y = named_case(3, n=15, p=20)
    fit, query = rw.adopt(refitted(ALL[name](), x, y), x, y), np.random.default_rng(1).normal(size=20)
    extended = np.append(query, 1.0) if fit.problem.has_intercept else query
    small, problem = SmallRest.of(fit, extended, 0, 2, edit), fit.problem
    codes = problem.labels.codes
    edits = np.array([row * 3 + ((codes[row] + 1) % 3 if edit == "relabel" else codes[row]) for row in range(15)])
    margins, doubts = small.margins(edits[:, None])
    assert (doubts < np.abs(margins)).all()
    for each, margin, doubt in zip(edits, margins, doubts, strict=True):
        rows = problem.rows_of(np.array([each]))
        eta = fit.refit(rows, edit, labels=problem.new_labels(np.array([each]), edit)).decision(query[None])[0]
        assert abs(eta[:2].max() - eta[2] - margin) <= doubt + 1e-7


# --- laws


@settings(max_examples=8, deadline=None)
@given(
    seed=SEEDS, name=st.sampled_from(["ridge", "support vectors", "one vs rest, balanced", "support vectors, balanced"])
)
def test_permutations_change_nothing(seed: int, name: str) -> None:
    """Of rows, columns and the names of classes."""
    x, y = named_case(seed, n=30)
    rng = np.random.default_rng(seed)
    rows, columns, classes = rng.permutation(30), rng.permutation(4), rng.permutation(3)
    query = rng.normal(size=4)
    fit = rw.adopt(refitted(EXACT[name](), x, y), x, y)
    letters = np.array(list("abc"))
    renamed = letters[classes][np.searchsorted(letters, y)][rows]
    moved = x[rows][:, columns]
    again = rw.adopt(refitted(EXACT[name](), moved, renamed), moved, renamed)
    assert_allclose(again.coef[classes], fit.coef[:, columns], rtol=0, atol=1e-7)
    before, after = rw.relabel_influence(fit, query[None])[0], rw.relabel_influence(again, query[None, columns])[0]
    assert_allclose(after[:, classes], before[rows], rtol=0, atol=1e-5 * np.abs(before).max())
    if name == "ridge":
        assert rw.find_flip_set(again, query[columns]).size == rw.find_flip_set(fit, query).size


# --- what else takes a fit


@pytest.mark.parametrize("name", ["ridge", "support vectors", "steps, modified_huber", "one vs rest, logistic"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_else_takes_a_fit(name: str, n_classes: int) -> None:
    x, y = named_case(6, n=60, n_classes=n_classes)
    fit = rw.adopt(refitted(ALL[name](), x, y), x, y)
    queries, found = x[:5], rw.find_flip_set(fit, x[0])
    proba = fit.proba(queries)
    assert ((proba > 0) & (proba < 1)).all()
    if n_classes == 2:
        assert_array_equal(proba > 0.5, fit.decision(queries) > 0)
        assert rw.exhaustive_lower_bound(fit, x[0], largest=1) == min(found.size, 2)
        assert rw.top_influence(fit, queries, k=3).rows.shape == (5, 3)
        assert len(rw.robustness_curve(fit, queries).queries) == 5
        noise = rw.noise_audit(np.arange(60) % 2, queries, fit=fit, permutations=3)
        assert len(noise.sizes) == 10
    else:
        assert_array_equal(proba.argmax(axis=1), fit.decision(queries).argmax(axis=1))
        assert rw.exhaustive_lower_bound(fit, x[0], largest=1) == min(found.size, 2)
    assert len(rw.suspects(fit)) == 60
    assert (rw.leverages(fit, probes=8) >= 0).all()
    explained = rw.explain(fit, x[0], found.rows, labels=found.labels)
    assert_allclose(explained.shares.sum() + explained.interaction, explained.change, rtol=1e-9)
    if name == "ridge" and n_classes == 2:
        assert abs(explained.interaction) < 1e-6  # effects add up


def test_proofs_of_the_logistic_loss_are_refused_to_others() -> None:
    x, y = named_case(7, n_classes=2)
    fit = rw.adopt(RidgeClassifier().fit(x, y), x, y)
    for proof in (rw.remainder_bound, rw.pair_bound, rw.remainder_bound_cost, rw.pair_bound_cost):
        with pytest.raises(ValueError, match="expected a fit with the logistic loss, whose curvature the proof rests"):
            proof(fit)
    table = rw.single_relabel_table(fit, x[:2])
    before = fit.decision(x[:2])[:, None]
    assert_allclose(table - before, rw.relabel_influence(fit, x[:2]), atol=1e-8)  # effects add up


# --- refusals


def refusal_of(model: Any, x: Array, y: Array) -> str:
    with pytest.raises((TypeError, ValueError)) as caught:
        rw.adopt(refitted(model, x, y), x, y)
    return str(caught.value)


REFUSED = {
    "hinge": (LinearSVC(loss="hinge", dual=True), 'LinearSVC with loss="squared_hinge"', "defaults"),
    "joint": (LinearSVC(multi_class="crammer_singer", dual=True), 'got multi_class="crammer_singer"', "defaults"),
    "l1": (LinearSVC(penalty="l1", dual=False), "expected an L2 penalty, got l1", 'penalty="l2"'),
    "positive": (RidgeClassifier(positive=True), "positive=True keeps", "positive=False"),
    "no penalty": (RidgeClassifier(alpha=0.0), "one positive alpha, got [0.0]", "Refit RidgeClassifier"),
    "a naive Bayes of each": (OneVsRestClassifier(MultinomialNB()), "got MultinomialNB", "without OneVsRest"),
    "steps inside": (
        OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression())), "got Pipeline", "before it",
    ),
    "without a penalty": (OneVsRestClassifier(LogisticRegression(C=np.inf)), "expected an L2 penalty", "refit with"),
}  # fmt: skip


@pytest.mark.parametrize(("model", "why", "instead"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_what_to_fit(model: Any, why: str, instead: str) -> None:
    x, y = named_case(8)
    said = refusal_of(model, np.abs(x), y)
    assert said.startswith("adopt: ")
    assert why in said
    assert instead in said


def test_several_labels_a_row_are_refused() -> None:
    x, _ = named_case(9)
    model = OneVsRestClassifier(LogisticRegression())
    with pytest.raises(ValueError, match="expected one class for each row, got a OneVsRestClassifier of several"):
        rw.adopt(model.fit(x, (x[:, :3] > 0).astype(int)), x, np.arange(60) % 3)


def test_penalties_that_differ_between_classes_are_refused() -> None:
    x, y = named_case(10)
    model = OneVsRestClassifier(LogisticRegression()).fit(x, y)
    model.estimators_[1].C = 2.0
    with pytest.raises(ValueError, match=r"chose different penalties\. Refit with LogisticRegression\(C=\.\.\.\)"):
        rw.adopt(model, x, y)


def test_unfitted_ones_are_refused() -> None:
    x, y = named_case(11)
    for model in (LinearSVC(), OneVsRestClassifier(LogisticRegression()), SGDClassifier()):
        with pytest.raises(ValueError, match="is not fitted yet"):
            rw.adopt(model, x, y)
