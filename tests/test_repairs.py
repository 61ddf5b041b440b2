"""Repairs: right by scikit-learn's own refits, smallest on small problems, honest about what cannot be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from class_problems import class_case
from oracles import quiet_fit, sklearn_fit
from repair_cases import RepairCase, repair_case
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import relabel_widget as rw
from relabel_widget.question import Question
from relabel_widget.search.class_responses import ClassResponses
from relabel_widget.search.refit import Context, Refit
from relabel_widget.search.responses import RowResponses
from relabel_widget.search.rivals import responses_of
from relabel_widget.search.settings import settings_for
from relabel_widget.solver import Iterate, solve, solve_many


def medium(seed: int = 0, n: int = 300, p: int = 12, m: int = 60) -> tuple[Any, Any, Any]:
    """Rows, noisy labels, and queries."""
    rng = np.random.default_rng(seed)
    x, direction = rng.normal(size=(n, p)), rng.normal(size=p)
    y = (x @ direction + rng.normal(size=n) > 0).astype(int)
    return x, y, rng.normal(size=(m, p))


def wrong_and_kept(fit: rw.Fit, queries: Any, n_wrong: int) -> tuple[Any, Any, Any]:
    """Some queries wanted otherwise, the nearest to the threshold, and the others."""
    order = np.argsort(np.abs(fit.decision(queries)))
    some, rest = order[:n_wrong], order[n_wrong:]
    return queries[some], (fit.decision(queries[some]) <= 0).astype(int), queries[rest]


@pytest.mark.parametrize("seed", range(8))
def test_small_repairs_are_optimal(seed: int) -> None:
    case = repair_case(seed)
    found = rw.repair(case.fit, case.queries, case.wanted)
    assert found.complete
    assert found.achieved.all()
    assert case.holds(found.rows, found.labels)
    assert found.size == case.optimum(found.size)
    assert found.lower_bound <= found.size
    assert found.optimal


@pytest.mark.parametrize("seed", range(3))
def test_small_repairs_of_three_classes_are_optimal(seed: int) -> None:
    case = repair_case(seed, n_classes=3)
    found = rw.repair(case.fit, case.queries, case.wanted)
    assert found.verified
    assert (found.predicted_after == case.wanted).all()
    assert case.holds(found.rows, found.labels)
    assert found.size == case.optimum(found.size)


@pytest.mark.parametrize("seed", range(3))
def test_no_row_can_be_put_back_and_no_kept_query_changes(seed: int) -> None:
    x, y, queries = medium(seed)
    fit = rw.fit(x, y)
    some, wanted, keep = wrong_and_kept(fit, queries, 8)
    found = rw.repair(fit, some, wanted, keep=keep)
    assert found.verified
    assert found.complete
    assert not len(found.kept_changed)
    before = fit.decision(keep) > 0

    def good(rows: Any) -> bool:
        labels = y.copy()
        labels[rows] ^= 1
        model = sklearn_fit(x, labels)
        right = ((model.decision_function(some) > 0) == wanted).all()
        return bool(right and ((model.decision_function(keep) > 0) == before).all())

    assert good(found.rows)
    assert not any(good(np.delete(found.rows, place)) for place in range(found.size))
    union = np.unique(np.concatenate([each.rows for each in rw.find_flip_sets(fit, some)]))
    assert rw.repair(fit, some, wanted).size <= len(union)


def test_keeping_changes_the_repair() -> None:
    """Without it some of the kept queries change: the constraint binds."""
    x, y, queries = medium(1)
    fit = rw.fit(x, y)
    some, wanted, keep = wrong_and_kept(fit, queries, 8)
    free = rw.repair(fit, some, wanted)
    changed = (rw.verify(fit, free.rows, keep)).flipped
    assert changed.any()
    assert rw.repair(fit, some, wanted, keep=keep).size >= free.size


def test_contradicting_wishes_end_in_a_part() -> None:
    x, y, queries = medium()
    fit = rw.fit(x, y)
    twice = np.vstack([queries[:1], queries[:1], queries[1:2]])
    wanted = [0, 1, int(fit.decision(queries[1:2])[0] <= 0)]
    found = rw.repair(fit, twice, wanted)
    assert found.outcome == rw.Outcome.REPAIRED_IN_PART
    assert found.verified
    assert found.achieved[:2].sum() == 1
    assert found.achieved[2]
    lacking = int(np.flatnonzero(~found.achieved)[0])
    assert found.not_had["query"].tolist() == [lacking]
    assert found.not_had["wanted"].tolist() == [wanted[lacking]]
    assert "together" in found.not_had["why"][0]


def test_what_is_out_of_reach_says_so() -> None:
    x, y, queries = medium()
    fit = rw.fit(x, y)
    found = rw.repair(fit, queries[:1], int(fit.decision(queries[:1])[0] <= 0), candidates=[])
    assert found.outcome == rw.Outcome.NOT_REPAIRED
    assert found.size == 0
    assert not found.verified
    assert found.not_had["why"].tolist() == [str(rw.Outcome.CANNOT_FLIP)]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_rate_is_out_of_reach_without_rows_to_relabel(n_classes: int) -> None:
    x, y = class_case(1, n=60) if n_classes == 3 else medium(1, n=60)[:2]
    fit = rw.fit(x, y)
    group = np.flatnonzero(y == 0)[:3]
    nothing_free: list[dict[str, Any]] = [{"candidates": []}, {"trusted": np.arange(60)}]
    for none in nothing_free:
        found = rw.repair(fit, x[group], rw.Rate([0, 1, 2], 1, 1.0), **none)
        assert found.outcome == rw.Outcome.NOT_REPAIRED
        assert found.size == 0
        assert "needed were had" in found.not_had["why"][0]


@pytest.mark.parametrize(("n_classes", "seed"), [(2, 4), (3, 14)])
def test_kept_queries_that_the_weight_of_trusted_rows_changes(n_classes: int, seed: int) -> None:
    """Where even they cannot be had nothing is left to look for, and the repair says what changed."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(10, 2))
    y = np.arange(10) % n_classes
    queries, keep = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
    wanted = (y[:2] + 1) % n_classes
    found = rw.repair(rw.fit(x, y), queries, wanted, keep=keep, trusted=[0, 9], trusted_weight=5.0, allowed_labels=[1])
    assert not found.verified
    assert len(found.kept_changed)
    assert len(found.not_had)


def test_nothing_to_repair() -> None:
    x, y, queries = medium()
    fit = rw.fit(x, y)
    found = rw.repair(fit, queries, (fit.decision(queries) > 0).astype(int))
    assert found.outcome == rw.Outcome.NOTHING_TO_REPAIR
    assert (found.size, found.lower_bound, found.complete) == (0, 0, True)


def test_trusted_rows_are_not_touched_and_weigh_more() -> None:
    x, y, queries = medium()
    fit = rw.fit(x, y)
    some, wanted, _ = wrong_and_kept(fit, queries, 5)
    free = rw.repair(fit, some, wanted)
    trusted = free.rows[:3]
    found = rw.repair(fit, some, wanted, trusted=trusted, trusted_weight=3.0)
    assert found.verified
    assert not set(found.rows) & set(trusted.tolist())
    weights = np.ones(len(y))
    weights[trusted] = 3.0
    labels = y.copy()
    labels[found.rows] = found.labels
    assert ((sklearn_fit(x, labels, weights=weights).decision_function(some) > 0) == wanted).all()
    assert found.proba_after == pytest.approx(
        sklearn_fit(x, labels, weights=weights).predict_proba(some)[:, 1], abs=1e-6
    )
    assert found.proba_before == pytest.approx(fit.proba(some))


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 4.0}])
def test_relabelled_rows_take_the_weight_of_their_class(class_weight: Any) -> None:
    x, y, queries = medium(6)
    fit = rw.fit(x, y, class_weight=class_weight)
    some, wanted, _ = wrong_and_kept(fit, queries, 4)
    found = rw.repair(fit, some, wanted)
    labels = y.copy()
    labels[found.rows] = found.labels
    own = LogisticRegression(class_weight=class_weight, solver="newton-cholesky", tol=1e-10).fit(x, labels)
    assert found.verified
    assert (own.predict(some) == wanted).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model", [RidgeClassifier(), LinearSVC(dual=False, tol=1e-10, max_iter=100_000)], ids=["ridge", "squared hinge"]
)
def test_other_losses(model: Any, n_classes: int) -> None:
    x, y = class_case(0, n=120, p=5)
    y = y % n_classes
    queries = np.random.default_rng(0).normal(size=(4, 5))
    fit = rw.adopt(model.fit(x, y), x, y)
    wanted = (model.predict(queries) + 1) % n_classes
    found = rw.repair(fit, queries, wanted)
    labels = y.copy()
    labels[found.rows] = found.labels
    assert found.verified
    assert (clone(model).fit(x, labels).predict(queries) == wanted).all()


def test_a_cheap_repair_avoids_dear_rows() -> None:
    x, y, queries = medium()
    fit = rw.fit(x, y)
    some, wanted, _ = wrong_and_kept(fit, queries, 5)
    few = rw.repair(fit, some, wanted)
    cost = np.ones(len(y))
    cost[few.rows] = 10.0
    cheap = rw.repair(fit, some, wanted, cost=cost)
    assert cheap.verified
    assert cheap.cost == cost[cheap.rows].sum()
    assert cheap.cost < cost[few.rows].sum()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_free_rows_end_the_search_and_are_not_relabelled_in_vain(share: float) -> None:
    """A set that costs no less is no improvement; with all rows free none is."""
    x, y, queries = medium(0, n=60, p=4, m=8)
    fit = rw.fit(x, y)
    some, wanted, _ = wrong_and_kept(fit, queries, 3)
    cost = (np.arange(60) < share * 60).astype(float)
    found = rw.repair(fit, some, wanted, cost=cost)
    assert found.complete
    assert found.cost == cost[found.rows].sum()
    for place in range(found.size):
        labels = y.copy()
        labels[np.delete(found.rows, place)] ^= 1
        assert ((sklearn_fit(x, labels).decision_function(some) > 0) != wanted).any()


def test_candidates_and_allowed_labels() -> None:
    x, y = class_case(1, n=120)
    fit = rw.fit(x, y)
    queries = np.random.default_rng(1).normal(size=(4, x.shape[1]))
    wanted = np.full(4, 2)
    found = rw.repair(fit, queries, 2, candidates=np.arange(100), allowed_labels=[2])
    assert found.complete
    assert (found.predicted_after == wanted).all()
    assert found.rows.max() < 100
    assert (found.labels == 2).all()


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_rate_is_reached_and_no_more(share: float) -> None:
    x, y, queries = medium(2)
    fit = rw.fit(x, y)
    group = np.flatnonzero(fit.decision(queries) <= 0)[:20]
    found = rw.repair(fit, queries, rw.Rate(group, 1, share))
    assert found.verified
    labels = y.copy()
    labels[found.rows] = found.labels
    accepted = int((sklearn_fit(x, labels).decision_function(queries[group]) > 0).sum())
    assert accepted >= share * 20
    assert found.achieved[group].sum() == accepted
    assert np.delete(found.achieved, group).all()
    if share == 0.5:
        assert found.size <= rw.repair(fit, queries, rw.Rate(group, 1, 0.8)).size


def test_rates_that_contradict_each_other() -> None:
    x, y, queries = medium(2)
    fit = rw.fit(x, y)
    rates = [rw.Rate(np.arange(10), 1, 0.9), rw.Rate(np.arange(10), 0, 0.9)]
    found = rw.repair(fit, queries, rates)
    assert found.outcome in (rw.Outcome.REPAIRED_IN_PART, rw.Outcome.NOT_REPAIRED)
    assert found.not_had["query"].isna().all()
    assert "needed were had" in found.not_had["why"][0]


def test_a_budget_ends_the_search() -> None:
    x, y, queries = medium()
    fit = rw.fit(x, y)
    some, wanted, _ = wrong_and_kept(fit, queries, 8)
    none = rw.repair(fit, some, wanted, budget=0)
    assert none.outcome == rw.Outcome.BUDGET
    assert (none.size, none.refits, none.verified) == (0, 0, False)
    some_ = rw.repair(fit, some, wanted, budget=12)
    assert some_.refits <= 12
    assert some_.outcome == rw.Outcome.REPAIRED_BUDGET
    assert some_.verified


def test_the_pipeline_has_the_last_word() -> None:
    """A step that looks at labels chooses other columns after the repair: the whole pipeline is refitted."""
    x, y, queries = medium(3, p=20)
    model = make_pipeline(SelectKBest(k=8), LogisticRegression(tol=1e-10, max_iter=10_000)).fit(x, y)
    fit = rw.adopt(model, x, y)
    order = np.argsort(np.abs(fit.decision(queries)))
    some = queries[order[:6]]
    wanted = (fit.decision(some) <= 0).astype(int)
    found = rw.repair(fit, some, wanted)
    labels = y.copy()
    labels[found.rows] = found.labels
    own = quiet_fit(make_pipeline(SelectKBest(k=8), LogisticRegression(tol=1e-10, max_iter=10_000)), x, labels)
    right = bool((own.predict(some) == wanted).all())
    assert found.verified == right
    assert (found.confirmed_by == "pipeline") == right
    assert found.outcome == (rw.Outcome.REPAIRED if right else rw.Outcome.CONTRADICTED)


def test_an_estimator_that_stopped_early_has_the_last_word() -> None:
    x, y, queries = medium(4)
    model = quiet_fit(LogisticRegression(max_iter=3, solver="lbfgs"), x, y)
    with pytest.warns(rw.AdoptionWarning):
        fit = rw.adopt(model, x, y)
    order = np.argsort(np.abs(fit.decision(queries)))
    some = queries[order[10:14]]
    wanted = (fit.decision(some) <= 0).astype(int)
    found = rw.repair(fit, some, wanted)
    labels = y.copy()
    labels[found.rows] = found.labels
    own = quiet_fit(LogisticRegression(max_iter=3, solver="lbfgs"), x, labels)
    assert found.verified
    assert found.confirmed_by == "estimator"
    assert (own.predict(some) == wanted).all()


# explanations


def explained_case() -> tuple[rw.Repair, pd.DataFrame, Any, Any]:
    """Half of one vendor's rows have the label 1 instead of 0, and queries of its kind are wrong."""
    rng = np.random.default_rng(5)
    n = 400
    x = (rng.random((n, 12)) < 0.3).astype(float)
    y = (x[:, 0] + x[:, 1] + 0.3 * rng.normal(size=n) > 0.5).astype(int)
    vendor = np.where(rng.random(n) < 0.2, "b", "a")
    x[:, 11] = vendor == "b"
    y[(vendor == "b") & (rng.random(n) < 0.7)] = 1
    fit = rw.fit(x, y)
    queries = (rng.random((60, 12)) < 0.3).astype(float)
    queries[:, 11] = np.arange(60) < 30
    truth = (queries[:, 0] + queries[:, 1] > 0.5).astype(int)
    wrong = np.flatnonzero((fit.decision(queries) > 0).astype(int) != truth)[:8]
    found = rw.repair(fit, queries[wrong], truth[wrong])
    return found, pd.DataFrame({"vendor": vendor, "length": rng.normal(size=n)}), queries, truth


def test_an_explanation_names_the_bad_vendor() -> None:
    found, metadata, queries, truth = explained_case()
    said = found.explain(metadata, queries, truth)
    best = said.patterns[said.patterns["kind"] == "metadata"].iloc[0]
    assert (best["name"], best["value"]) == ("vendor", "b")
    assert best["lift"] > 2
    assert best["p_adjusted"] < 0.01
    assert best["rows"] == (metadata["vendor"].to_numpy()[found.rows] == "b").sum()
    assert (said.patterns["p"] <= said.patterns["p_adjusted"]).all()
    assert "feature 11" in said.patterns["name"].tolist()[:3]


def test_every_row_serves_a_query_and_shares_add_up() -> None:
    found, _, _, _ = explained_case()
    said = found.explain()
    assert set(said.serves["row"]) == set(found.rows.tolist())
    assert said.serves.groupby("row")["lost"].any().all()  # none can be put back
    goals, sums = found.made.asked.goals, said.serves.groupby("query")["change"].sum()
    moved = found.made.margins - goals.margins(found.made.asked.before)
    for query, total in sums.items():
        assert total == pytest.approx(moved[query], rel=0.1)
    assert said.collateral.empty


def test_collateral_is_for_better_or_worse() -> None:
    found, _, queries, truth = explained_case()
    said = found.explain(None, queries, truth).collateral
    verified = rw.verify(found.made.fit, found.rows, queries)
    assert said["query"].tolist() == np.flatnonzero(verified.flipped).tolist()
    assert (said["better"] == (truth[said["query"]] == said["after"])).all()
    assert said["better"].any()
    assert found.explain(X_other=queries).collateral["better"].isna().all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"y_other": [1]}, "explain: expected X_other with y_other"),
        ({"metadata": 5}, "explain: expected metadata as a frame or a mapping of columns"),
        ({"metadata": {"a": [1, 2]}}, "explain: metadata 'a': expected one group for each of 400 rows"),
    ],
)
def test_wrong_explanations(wrong: dict[str, Any], message: str) -> None:
    found, _, _, _ = explained_case()
    with pytest.raises((TypeError, ValueError), match=message):
        found.explain(**wrong)


# forecasts


@pytest.mark.parametrize("n_classes", [2, 3])
def test_falls_of_many_functionals_are_those_of_each(n_classes: int) -> None:
    x, y = class_case(0)
    y = y % n_classes
    fit = rw.fit(x, y)
    functionals = fit.problem.functionals(fit.design_of(x[:3]), fit.theta)
    edits = np.arange(5) if n_classes == 2 else np.arange(5) * 3 + (y[:5] + 1) % 3
    responses: Any = RowResponses(fit) if n_classes == 2 else ClassResponses(fit)
    together = []
    apart = []
    for functional in functionals.T:
        question = Question(fit, np.ascontiguousarray(functional), 0.0, "relabel", np.arange(len(y)))
        solved = solve(fit.hessian, question.functional, rtol=1e-10, preconditioner=fit.preconditioner, with_eta=True)
        refit = Refit.of_fit(Context(question, settings_for(fit.problem.design, n_classes), responses), solved)
        apart.append(question.direction * responses.effects(refit, edits))
        together.append(solved.eta_direction)
    assert responses.falls(refit, edits, np.stack(together, axis=1)) == pytest.approx(np.stack(apart, axis=1))


@pytest.mark.parametrize("kind", ["multinomial", "one against the rest"])
def test_a_row_that_was_relabelled_goes_on_to_a_third_class_from_there(kind: str) -> None:
    """Repairs of AG News came out a tenth too large: such a move was worked out as if the row had its own label."""
    x, y = class_case(3, n=200)
    if kind == "multinomial":
        fit = rw.fit(x, y)
    else:
        fit = rw.adopt(LinearSVC(C=0.1, tol=1e-8, max_iter=100_000, dual=False).fit(x, y), x, y)
    problem, responses = fit.problem, responses_of(fit)
    functionals = problem.functionals(fit.design_of(x[:3]), fit.theta)
    question = Question(fit, functionals[:, 0], 0.0, "relabel", np.arange(len(y)))
    context = Context(question, settings_for(problem.design, 3), responses)
    for row in range(10):
        first, second = np.delete(np.arange(3), y[row]).tolist()
        start = fit.refit([row], labels=[first])
        refit = Refit(context, np.array([row * 3 + first]), Iterate.at(start.problem, start.theta), np.nan)
        solved = solve_many(start.hessian, functionals, rtol=1e-10, preconditioner=fit.preconditioner).x
        found = -responses.falls(refit, np.array([row * 3 + second]), problem.extended_matvec(problem.design, solved))
        moved = functionals.T @ (fit.refit([row], labels=[second]).theta - start.theta)
        assert found[0] == pytest.approx(moved, rel=0.2, abs=0.02)


# what is refused


def test_a_naive_bayes_is_refused() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (20, 3))
    y = np.arange(20) % 2
    fit = rw.adopt(MultinomialNB().fit(counts, y), counts, y)
    with pytest.raises(TypeError, match="repair: expected a Fit with coefficients"):
        rw.repair(fit, counts[:1], [0])


@pytest.mark.parametrize(
    ("wanted", "more", "message"),
    [
        ([0, 1], {}, "repair: wanted"),
        (7, {}, "repair: wanted: expected one of the labels"),
        (rw.Rate([], 1, 0.5), {}, "expected a Rate of at least one query"),
        (rw.Rate([0], 1, 1.5), {}, "expected at_least of a Rate above 0 and at most 1"),
        (rw.Rate([0], 9, 0.5), {}, "repair: class_ of a Rate: expected one of the labels"),
        (rw.Rate([99], 1, 0.5), {}, "rows of a Rate: expected query rows 0 to 59, got 99"),
        (rw.Rate([1, 1], 1, 0.5), {}, "rows of a Rate: expected each query row once"),
        ([rw.Rate([0], 1, 0.5), 1], {}, "expected wanted as classes or as Rates alone"),
        (1, {"trusted": [999]}, "repair: trusted"),
        (1, {"trusted_weight": 0}, "repair: trusted_weight: expected a finite number above 0"),
        (1, {"cost": [1.0]}, "repair: expected cost"),
        (1, {"budget": -1}, "repair: expected budget"),
    ],
)
def test_wrong_arguments(wanted: Any, more: dict[str, Any], message: str) -> None:
    x, y, queries = medium()
    with pytest.raises((TypeError, ValueError), match=message):
        rw.repair(rw.fit(x, y), queries, wanted, **more)


def test_no_threshold_with_several_classes() -> None:
    x, y = class_case(0)
    with pytest.raises(ValueError, match="repair: expected no threshold with 3 classes"):
        rw.repair(rw.fit(x, y), x[:1], [0], threshold=0.3)


def test_a_repair_is_shown_in_a_line() -> None:
    case: RepairCase = repair_case(0)
    assert "achieved=" in repr(rw.repair(case.fit, case.queries, case.wanted))
    assert "rows for" in repr(rw.repair(case.fit, case.queries, case.wanted).explain())


def test_several_class_costs_and_a_monitor() -> None:
    steps: list[str] = []
    monitor = rw.Monitor(lambda progress: steps.append(progress.phase))
    x, y = class_case(2, n=100)
    fit = rw.fit(x, y)
    queries = np.random.default_rng(2).normal(size=(3, x.shape[1]))
    found = rw.repair(fit, queries, 1, cost=np.arange(100) + 1.0, monitor=monitor)
    assert found.complete
    assert found.cost == (found.rows + 1.0).sum()
    assert "refitting" in steps
