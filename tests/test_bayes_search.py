"""Flip sets of naive Bayes against exhaustive search, and what their lower bounds claim."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from bayes_cases import TIE, Asked, BayesCase, leads, memberships, optimum, random_case
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB

import relabel_widget as rw
from relabel_widget.bayes import Ledger, contests_of, rules_of
from relabel_widget.bayes.local_search import climb, flipping_prefix
from relabel_widget.bayes.relaxation import Relaxation


def any_question(seed: int) -> tuple[BayesCase, Asked]:
    """A problem of 6 to 8 rows and two to four classes, and something to ask of it."""
    rng = np.random.default_rng(10**6 + seed)
    n_classes = int(rng.choice([2, 3, 3, 4]))
    n = int(rng.integers(6, 9 if n_classes < 4 else 7))
    case = random_case(seed, n, n_classes, int(rng.integers(1, 6)), weighted=bool(rng.random() < 0.4))
    asked = Asked(edit=str(rng.choice(["relabel", "relabel", "remove"])))
    if n_classes == 2 and rng.random() < 0.5:
        asked = replace(asked, threshold=float(rng.choice([0.2, 0.4, 0.7])))
    if n_classes > 2 and rng.random() < 0.3:
        asked = replace(asked, target=int(rng.integers(n_classes)))
    if rng.random() < 0.3:
        asked = replace(asked, candidates=tuple(rng.choice(n, rng.integers(0, n), replace=False).tolist()))
    if rng.random() < 0.2 and asked.edit == "relabel":
        asked = replace(asked, allowed=tuple(rng.choice(n_classes, rng.integers(1, n_classes + 1), replace=False)))
    return case, asked


def is_tied(case: BayesCase) -> bool:
    """Whether rounding decides which class is predicted."""
    best = np.sort(case.fit().scores(case.query[None])[0])[-2:]
    return bool(best[1] - best[0] < TIE)


@pytest.mark.parametrize("batch", range(8))
def test_sets_and_bounds_are_those_of_exhaustive_search(batch: int) -> None:
    asked_at_all = 0
    for seed in range(40 * batch, 40 * batch + 40):
        case, asked = any_question(seed)
        if is_tied(case):
            continue
        found = rw.find_flip_set(case.fit(), case.query, **asked.arguments())
        if found.outcome == rw.Outcome.ALREADY:
            continue
        n = len(case.y)
        largest = 4 if case.n_classes == 4 else min(n, 5)
        least, most = optimum(case, asked, largest)
        size = found.size if found.found else n + 1
        assert least <= size, (seed, found)
        assert found.lower_bound <= size, (seed, found)
        if most <= largest:
            assert size <= most, (seed, found)
            assert found.lower_bound <= most, (seed, found)
            asked_at_all += 1
    assert asked_at_all > 5


def test_sizes_of_one_and_two_rows_of_forty_are_the_optimum() -> None:
    checked = seed = 0
    while checked < 100:
        seed += 1
        case = random_case(seed, 40, 3, 6)
        if is_tied(case):
            continue
        least, most = optimum(case, Asked(), 2)
        if most > 2:
            continue
        found = rw.find_flip_set(case.fit(), case.query)
        assert least <= found.size <= most, (seed, found)
        assert found.lower_bound <= found.size
        assert found.verified
        checked += 1


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_no_set_lies_below_its_linear_bound(edit: str, n_classes: int) -> None:
    """The relaxation by itself, of singles and pairs, of greedy sets, and of random ones."""
    for seed in range(8):
        case = random_case(100 + seed, 30, n_classes, 6, weighted=seed % 2 == 0)
        fit, rng, n = case.fit(), np.random.default_rng(seed), 30
        rules = rules_of(fit, "remove" if edit == "remove" else "relabel", np.arange(n), None, None)
        for contest in contests_of(rules, fit.query_of(case.query), 0.0, None):
            relaxation = Relaxation(contest)
            moves = np.flatnonzero(np.isfinite(contest.barred.ravel()))
            sets = [np.array(some) for size in (1, 2) for some in combinations(moves[::3].tolist(), size)]
            greedy = moves[np.argsort(contest.effects(contest.start).ravel()[moves])]
            sets += [greedy[:size] for size in range(1, 12)]
            sets += [rng.choice(greedy[:20], rng.integers(3, 12), replace=False) for _ in range(300)]
            sets = [some for some in sets if len(np.unique(some % n)) == len(some)]
            sets = [some for some in sets if (contest.class_sizes(some) > 0).all()]
            margins = np.array([contest.margins(contest.start + contest.changes(some).sum(axis=0)) for some in sets])
            sizes = np.array([len(some) for some in sets])
            for size in (1, 2, 3, 7, 11):
                for minorant in (relaxation.minorant(size), relaxation.sharpened(size)):
                    assert minorant.least <= margins[sizes <= size].min() + 1e-12
                    lines = [minorant.const + minorant.effects.ravel()[some].sum() for some in sets]
                    assert (np.array(lines)[sizes <= size] <= margins[sizes <= size] + 1e-12).all()
                    if minorant.proven >= 1:
                        assert (margins[sizes <= minorant.proven] > 0).all()


def test_the_linear_bound_is_no_idle_claim() -> None:
    """Of what the best row can do to the margin, the bound for one row overstates little."""
    gaps = []
    for seed in range(20):
        case = random_case(500 + seed, 60, 2, 6)
        fit = case.fit()
        rules = rules_of(fit, "relabel", np.arange(60), None, None)
        (contest,) = contests_of(rules, fit.query_of(case.query), 0.0, None)
        least = contest.margins(contest.start + contest.changes(np.arange(60))).min()
        margin = float(contest.margins(contest.start))
        gaps.append((least - Relaxation(contest).sharpened(1).least) / (margin - least))
    assert np.median(gaps) < 0.25


KINDS = {"multinomial": MultinomialNB(), "complement": ComplementNB(), "bernoulli": BernoulliNB()}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_scikit_learns_own_refit_confirms_every_set(name: str, n_classes: int) -> None:
    found_any = 0
    for seed in range(15):
        case = replace(random_case(seed, 200, n_classes, 12, weighted=seed % 3 == 0), model=KINDS[name])
        if is_tied(case):
            continue
        model = case.fitted()
        before = model.predict(case.query[None])[0]
        for edit in ("relabel", "remove"):
            found = rw.find_flip_set(case.fit(), case.query, edit=edit)
            if not found.found:
                continue
            y, weights = case.y.copy(), case.row_weights().copy()
            if edit == "relabel":
                y[found.rows] = found.labels
                assert (found.labels != case.y[found.rows]).all()
            else:
                weights[found.rows] = 0.0
            after = clone(model).fit(case.x, y, weights)
            assert after.predict(case.query[None])[0] == found.predicted_after != before
            assert found.predicted_before == before
            shown = 1 if n_classes == 2 else before
            assert_allclose(after.predict_proba(case.query[None])[0, shown], found.proba_after, atol=1e-9)
            assert_allclose(model.predict_proba(case.query[None])[0, shown], found.proba_before, atol=1e-9)
            found_any += 1
    assert found_any > 10


def test_a_target_is_predicted_or_nothing_is_claimed() -> None:
    for seed in range(10):
        case = replace(random_case(seed, 80, 4, 8), model=MultinomialNB())
        fit, model = case.fit(), case.fitted()
        for target in range(4):
            found = rw.find_flip_set(fit, case.query, target=target)
            if model.predict(case.query[None])[0] == target:
                assert found.outcome == rw.Outcome.ALREADY
                continue
            assert found.found
            y = case.y.copy()
            y[found.rows] = found.labels
            assert clone(model).fit(case.x, y).predict(case.query[None])[0] == target == found.predicted_after
            assert found.size >= rw.find_flip_set(fit, case.query).lower_bound


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_order_of_classes_rows_and_columns_does_not_matter(seed: int) -> None:
    case = random_case(seed, 40, 3, 6)
    if is_tied(case):
        return
    rng = np.random.default_rng(seed)
    found = rw.find_flip_set(case.fit(), case.query)
    rows, columns, names = rng.permutation(40), rng.permutation(6), rng.permutation(3)
    model = clone(case.model)
    if model.class_prior is not None:
        model.set_params(class_prior=np.asarray(model.class_prior)[np.argsort(names)])
    other = BayesCase(model, case.x[rows][:, columns], names[case.y[rows]], case.query[columns])
    again = rw.find_flip_set(other.fit(), other.query)
    assert_allclose(again.proba_before, found.proba_before, atol=1e-9)
    if found.optimal and again.optimal:
        assert again.size == found.size
    else:  # ties among sets are broken by order
        assert abs(again.size - found.size) <= 1
    assert again.lower_bound <= found.size or not found.found
    assert found.lower_bound <= again.size or not again.found
    scores = np.sort(case.fit().scores(case.query[None])[0])
    if scores[-2] - scores[-3] < 1e-9:
        return  # of rivals that are equally near the first is taken
    one, two = (
        rw.relabel_influence(case.fit(), case.query[None])[0],
        rw.relabel_influence(other.fit(), other.query[None])[0],
    )
    assert_allclose(two[:, names], one[rows], atol=1e-9)


def test_costs_make_the_set_cheap() -> None:
    """All sets of up to five of seven rows, by cost."""
    compared = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        case = random_case(seed, 7, 2, 4)
        cost = rng.choice([0.0, 0.3, 1.0, 2.0], 7)
        if is_tied(case):
            continue
        found = rw.find_flip_set(case.fit(), case.query, cost=cost)
        cheapest = np.inf
        for size in range(1, 6):
            every = memberships(case, size, Asked())
            flips = leads(case, every, Asked()) > TIE if len(every) else np.zeros(0, dtype=bool)
            changed = (every > 0) != (case.y[:, None] == np.arange(2))
            cheapest = min([cheapest, *(changed[:, :, 0] @ cost)[flips].tolist()])
        if not np.isfinite(cheapest):
            continue
        compared += 1
        assert found.found
        assert cost[found.rows].sum() <= cheapest + 0.7, seed  # a search, not a proof
        assert found.lower_bound <= optimum(case, Asked(), 5)[1]
    assert compared > 15


@pytest.mark.parametrize("seed", [808, 853, 992])
def test_many_rows_together_flip_where_no_row_alone_helps(seed: int) -> None:
    """With next to no smoothing, only the last row that has a word changes much when it goes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(60) % 2)
    x = rng.poisson(rng.gamma(0.4, 1, (2, 10))[y]).astype(float)
    case = BayesCase(MultinomialNB(alpha=1e-3), x, y, 3 * x[0])
    rules = rules_of(case.fit(), "remove", np.arange(60), None, None)
    (contest,) = contests_of(rules, case.fit().query_of(case.query), 0.0, None)
    assert climb(contest, Ledger(None, None, None)) is None
    found = rw.find_flip_set(case.fit(), case.query, edit="remove")
    assert found.verified
    kept = np.delete(np.arange(60), found.rows)
    after = clone(case.model).fit(x[kept], y[kept])
    assert after.predict(case.query[None]) != case.fitted().predict(case.query[None])


def test_a_prefix_flips_and_a_row_fewer_does_not() -> None:
    for seed in range(10):
        case = replace(random_case(seed, 150, 2, 8), model=MultinomialNB())
        rules = rules_of(case.fit(), "relabel", np.arange(150), None, None)
        (contest,) = contests_of(rules, case.fit().query_of(case.query), 0.0, None)
        moves = flipping_prefix(contest, contest.effects(contest.start), Ledger(None, None, None))
        assert moves is not None
        assert (contest.class_sizes(moves) > 0).all()
        for count in (len(moves) - 1, len(moves)):
            margin = contest.margins(contest.start + contest.changes(moves[:count]).sum(axis=0))
            assert (margin < 0) == (count == len(moves))
            assert_allclose(contest.total_change(moves[:count]), contest.changes(moves[:count]).sum(axis=0), atol=1e-9)


def test_sums_over_all_rows_are_sums_of_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many moves of wide queries go the second way; terms that are merged tell the same."""
    monkeypatch.setattr("relabel_widget.bayes.contest._AT_ONCE", 0)
    for name, model in KINDS.items():
        case = replace(random_case(3, 30, 3, 8, weighted=True), model=model)
        rules = rules_of(case.fit(), "relabel", np.arange(30), None, None)
        for contest in contests_of(rules, case.fit().query_of(case.query), 0.0, None):
            moves = np.flatnonzero(np.isfinite(contest.barred.ravel()))[:7]
            change = contest.changes(moves).sum(axis=0)
            assert_allclose(contest.total_change(moves), change, atol=1e-9, err_msg=name)
            merged = contest.merged(moves)
            after = merged.margins(merged.start + merged.changes(moves).sum(axis=0))
            assert after == pytest.approx(float(contest.margins(contest.start + change)), abs=1e-9)
            if name == "bernoulli":
                assert merged.start.size <= contest.start.size


def test_absent_words_are_merged() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.random((40, 300)) < 0.02).astype(float), np.arange(40) % 2
    fit = rw.adopt(BernoulliNB().fit(x, y), x, y)
    rules = rules_of(fit, "relabel", np.arange(40), None, None)
    (contest,) = contests_of(rules, fit.query_of(x[0]), 0.0, None)
    merged = contest.merged(np.array([3, 5]))
    assert merged.start.shape[1] < 50 < contest.start.shape[1]
    change = contest.changes(np.array([3, 5])).sum(axis=0)
    after = merged.margins(merged.start + merged.changes(np.array([3, 5])).sum(axis=0))
    assert after == pytest.approx(float(contest.margins(contest.start + change)), abs=1e-9)


def test_a_class_keeps_its_last_row() -> None:
    x = np.array([[3.0, 0.0], [2.0, 1.0], [0.0, 3.0], [1.0, 2.0], [0.0, 2.0]])
    y = np.array([0, 0, 1, 1, 2])
    fit = rw.adopt(MultinomialNB().fit(x, y), x, y)
    for query in x:
        found = rw.find_flip_set(fit, query)
        edited = y.copy()
        edited[found.rows] = found.labels
        assert set(edited) == {0, 1, 2}


def test_a_tie_is_no_flip() -> None:
    """After the one relabel that is allowed both classes have the same counts."""
    x, y = np.array([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [1.0, 2.0]]), np.array([0, 0, 0, 1])
    fit = rw.adopt(MultinomialNB(fit_prior=False).fit(x, y), x, y)
    assert fit.refit([0]).decision([[3.0, 3.0]])[0] != 0
    twin = rw.adopt(MultinomialNB().fit(x[[0, 1, 0, 0]], y), x[[0, 1, 0, 0]], y)
    found = rw.find_flip_set(twin, [1.0, 0.0], candidates=[0])
    assert abs(twin.refit([0]).decision([[1.0, 0.0]])[0]) < 1e-12
    assert not found.found
    assert found.outcome == rw.Outcome.CANNOT_FLIP


def test_first_order_sets_are_prefixes_of_the_ranking() -> None:
    case = replace(random_case(3, 80, 2, 8), model=MultinomialNB(), query=np.eye(8)[2] + np.eye(8)[5])
    fit = case.fit()
    found = rw.find_flip_set(fit, case.query, method="first-order")
    influence = rw.relabel_influence(fit, case.query[None])[0] * (1 if found.proba_before < 0.5 else -1)
    assert not found.verified
    assert found.outcome == rw.Outcome.PREDICTED
    assert sorted(influence[found.rows])[::-1] == pytest.approx(np.sort(influence)[::-1][: found.size])
    p = found.proba_before
    reached = p + (1 if p < 0.5 else -1) * p * (1 - p) * influence[found.rows]
    assert (p + np.cumsum(reached - p)[-1] > 0.5) == (p < 0.5)
    assert (p + np.cumsum(reached - p)[:-1] > 0.5).tolist() == [p > 0.5] * (found.size - 1)


def test_budgets_and_monitors_end_a_search() -> None:
    case = replace(random_case(1, 400, 3, 12), model=MultinomialNB())
    fit = case.fit()
    full = rw.find_flip_set(fit, case.query)
    assert full.size > 3
    none = rw.find_flip_set(fit, case.query, budget=1)
    assert none.outcome == rw.Outcome.BUDGET
    assert none.lower_bound == 1
    assert rw.find_flip_set(fit, case.query, budget=0.0).outcome == rw.Outcome.BUDGET
    some = rw.find_flip_set(fit, case.query, budget=full.refits // 2)
    assert some.outcome == rw.Outcome.BUDGET_FOUND
    assert some.verified
    assert some.size >= full.size
    steps: list[rw.Progress] = []
    monitor = rw.Monitor(steps.append)
    rw.find_flip_set(fit, case.query, monitor=monitor)
    assert len(steps) == full.refits - 1  # and the one that confirms
    monitor.cancel()
    with pytest.raises(rw.Cancelled):
        rw.find_flip_set(fit, case.query, monitor=monitor)


def test_many_queries_are_searched_one_by_one() -> None:
    case = replace(random_case(1, 60, 3, 8), model=MultinomialNB())
    fit = case.fit()
    for n_jobs in (1, 2):
        many = rw.find_flip_sets(fit, case.x[:5], n_jobs=n_jobs)
        for found, query in zip(many, case.x[:5], strict=True):
            assert found.rows.tolist() == rw.find_flip_set(fit, query).rows.tolist()


def test_questions_that_make_no_sense_are_refused() -> None:
    case = random_case(0, 40, 3, 6)
    fit = case.fit()
    with pytest.raises(ValueError, match="no threshold with 3 classes"):
        rw.find_flip_set(fit, case.query, threshold=0.3)
    with pytest.raises(ValueError, match="target: expected one of the labels"):
        rw.find_flip_set(fit, case.query, target=7)
    with pytest.raises(ValueError, match="allowed_labels: expected one of the labels"):
        rw.find_flip_set(fit, case.query, allowed_labels=[7])
    with pytest.raises(ValueError, match="expected allowed_labels as some of"):
        rw.find_flip_set(fit, case.query, allowed_labels=[])
    with pytest.raises(ValueError, match='edit "remove" gives none'):
        rw.find_flip_set(fit, case.query, allowed_labels=[0], edit="remove")


def test_targets_and_allowed_labels_of_a_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    y = (x[:, 0] + 0.5 * rng.normal(size=40) > 0).astype(int)
    fit = rw.fit(x, y)
    found = rw.find_flip_set(fit, x[0])
    now = found.predicted_before
    assert found.predicted_after == 1 - now
    assert rw.find_flip_set(fit, x[0], target=now).outcome == rw.Outcome.ALREADY
    assert rw.find_flip_set(fit, x[0], target=1 - now).rows.tolist() == found.rows.tolist()
    only = rw.find_flip_set(fit, x[0], allowed_labels=[1 - now])
    assert (only.labels == 1 - now).all()
