"""Audits, bounds and explanations of several classes, of weights that follow the label, and of naive Bayes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bayes_cases import BayesCase, random_case, scores_by_definition
from class_problems import BALANCES_BY_WEIGHT, EXACT, Array, class_case, optimum, refitted, with_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from oracles import quiet_fit
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB, MultinomialNB

import relabel_widget as rw

SEEDS = st.integers(0, 10**6)
FOUR = [random_case(seed, 30, 2 + seed % 2, weighted=seed > 3) for seed in range(8)]


def lead(decision: Array, code: int) -> float:
    """Of a class over the best other one."""
    return float(decision[code] - np.delete(decision, code).max())


# --- the table of single relabels


@pytest.mark.parametrize("class_weight", [None, {0: 2.0, 1: 0.5}, "balanced"])
def test_every_single_relabel_is_scikit_learns_refit(class_weight: Any) -> None:
    x, y = class_case(0, n=14, p=2)
    y[:] = [0] * 6 + [1] * 7 + [2]
    queries = np.random.default_rng(1).normal(size=(3, 2))
    fit = rw.fit(x, y, class_weight=class_weight)
    table, codes = rw.single_relabel_table(fit, queries), fit.decision(queries).argmax(axis=1)
    assert table.shape == (3, 14, 3)
    for row in range(13):
        for label in range(3):
            after = refitted(x, with_labels(y, np.array([row]), np.array([label])), class_weight=class_weight)
            expected = [lead(each, code) for each, code in zip(after.decision_function(queries), codes, strict=True)]
            assert_allclose(table[:, row, label], expected, atol=1e-6)
    assert np.isnan(table[:, 13, :2]).all()  # the only row of its class
    assert_allclose(table[:, 13, 2], table[:, 0, 0])


def test_single_relabels_with_weights_of_two_classes() -> None:
    x, y = class_case(1, n=16, p=2, n_classes=2)
    queries = np.random.default_rng(1).normal(size=(2, 2))
    table = rw.single_relabel_table(rw.fit(x, y, class_weight="balanced"), queries)
    model = LogisticRegression(tol=1e-11, class_weight="balanced", solver=EXACT)
    for row in range(16):
        after = quiet_fit(model, x, with_labels(y, np.array([row]), 1 - y[[row]]))
        assert_allclose(table[:, row], after.decision_function(queries), atol=1e-6)


def test_a_table_proves_that_two_rows_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relabel_widget.search.rivals.MOST_OPERATIONS", 0.0)  # no exhaustion, as in large problems
    x, y = class_case(2, n=80, p=3, n_classes=4)
    fit, queries = rw.fit(x, y), np.random.default_rng(2).normal(size=(6, 3))
    table = rw.single_relabel_table(fit, queries)
    bare, known = rw.find_flip_sets(fit, queries), rw.find_flip_sets(fit, queries, table=table)
    flips = (table < 0).any(axis=(1, 2))
    assert {True, False} == set(flips.tolist()), "both cases are wanted here"
    for t, (one, two) in enumerate(zip(bare, known, strict=True)):
        assert one.size == two.size
        assert one.lower_bound == 1
        assert two.lower_bound == (1 if flips[t] else 2)
        assert flips[t] == (two.size == 1)
        assert rw.find_flip_set(fit, queries[t], table=table[t]).lower_bound == two.lower_bound
    # among rows, or labels, that flip nothing alone the bound is 2, whatever the others do
    t = int(np.flatnonzero(flips)[0])
    idle = (table[t] > 1e-3).all(axis=1)
    assert rw.find_flip_set(fit, queries[t], candidates=idle, table=table[t]).lower_bound == 2
    to_none = int((table[t] < 0).any(axis=0).argmin())
    assert rw.find_flip_set(fit, queries[t], allowed_labels=[to_none], table=table[t]).lower_bound == 2
    curve = rw.robustness_curve(fit, queries, table=table)
    assert curve.at(1) == (flips.mean(), flips.mean())


# --- exhaustion


@pytest.mark.parametrize("seed", [0, 4, 5, 6, 8, 10])
def test_all_sets_of_three_classes(seed: int) -> None:
    x, y = class_case(seed, n=25, p=2)
    fit, query = rw.fit(x, y), np.random.default_rng(seed).normal(size=2)
    least = rw.exhaustive_lower_bound(fit, query, largest=2)
    assert least == (optimum(fit, x, y, query, 2) or 3)
    found = rw.find_flip_set(fit, query)
    assert least <= found.size
    assert rw.exhaustive_lower_bound(fit, query, candidates=found.rows) == found.size


def test_exhaustion_of_removals_and_its_limit() -> None:
    x, y = class_case(4, n=20, p=2)
    fit, query = rw.fit(x, y), np.array([0.1, 0.1])
    least = rw.exhaustive_lower_bound(fit, query, edit="remove", largest=1)
    code = refitted(x, y).predict(query[None])[0]
    kept = [np.delete(np.arange(20), row) for row in range(20)]
    assert (least == 1) == any(refitted(x[rows], y[rows]).predict(query[None])[0] != code for rows in kept)
    with pytest.raises(ValueError, match="expected at most 100 refits, got 820 for sets of up to 2 of 20 rows"):
        rw.exhaustive_lower_bound(fit, query, max_refits=100)
    with pytest.raises(ValueError, match="exhaustive_lower_bound: expected no threshold with 3 classes"):
        rw.exhaustive_lower_bound(fit, query, threshold=0.6)


# --- the first of a ranking


def fits() -> dict[str, tuple[Any, Array]]:
    """Four classes, weights that follow the label, and naive Bayes of two and of three classes; with queries."""
    x, y = class_case(3, n=40, p=3, n_classes=4)
    cases = {f"{type(case.model).__name__}, {case.n_classes}": case for case in FOUR[:6]}
    queries = np.random.default_rng(0).normal(size=(70, 3))
    return {
        "four classes": (rw.fit(x, y), queries),
        "balanced": (rw.fit(x, y, class_weight="balanced"), queries[:3]),
        "balanced, two": (rw.fit(x, y % 2, class_weight="balanced"), queries[:3]),
        **{name: (case.fit(), np.random.default_rng(0).poisson(1.0, (3, 5))) for name, case in cases.items()},
    }


@pytest.mark.parametrize("name", fits())
@pytest.mark.parametrize("direction", ["either", "up", "down"])
def test_the_first_rows_are_those_of_the_whole_ranking(name: str, direction: Any) -> None:
    fit, queries = fits()[name]
    codes = np.searchsorted(fit.classes, fit.y)
    every = np.arange(fit.n_rows)
    for edit in ("relabel", "remove"):
        top = rw.top_influence(fit, queries, 5, edit=edit, direction=direction)
        whole = (rw.relabel_influence if edit == "relabel" else rw.removal_influence)(fit, queries)
        for t, scores in enumerate(whole):
            worth = {"either": np.abs(scores), "up": scores, "down": -scores}[direction].copy()
            if worth.ndim == 2:
                worth[every, codes] = -np.inf
                assert_allclose(top.values[t], scores[top.rows[t], np.searchsorted(fit.classes, top.labels[t])])
                worth = worth.max(axis=1)
            else:
                assert_allclose(top.values[t], scores[top.rows[t]])
            assert_allclose(worth[top.rows[t]], -np.sort(-worth)[:5])
        every_row = rw.top_influence(fit, queries[:2], 999, edit=edit, direction=direction)
        assert_array_equal(np.sort(every_row.rows, axis=1), [every, every])
        assert ((every_row.labels == fit.y[every_row.rows]) == (edit == "remove")).all()


# --- robustness and groups


@pytest.mark.parametrize("case", FOUR[:4], ids=lambda case: f"{type(case.model).__name__}, {case.n_classes}")
def test_robustness_of_a_naive_bayes(case: BayesCase) -> None:
    queries = np.random.default_rng(3).poisson(1.0, (12, 5))
    curve = rw.robustness_curve(case.fit(), queries)
    sets = rw.find_flip_sets(case.fit(), queries)
    for k in range(6):
        least, most = curve.at(k)
        assert least == np.mean([each.found and each.size <= k for each in sets])
        assert most == np.mean([each.lower_bound <= k for each in sets])
    assert any(each.lower_bound > 1 for each in sets)
    with pytest.raises(ValueError, match="no bound and no table for a naive Bayes"):
        rw.robustness_curve(case.fit(), queries, table=np.zeros((12, 30)))


def test_robustness_of_four_classes() -> None:
    x, y = class_case(3, n=60, p=3, n_classes=4)
    curve = rw.robustness_curve(rw.fit(x, y), x[:8])
    assert_array_equal(curve.queries["size"], [each.size for each in rw.find_flip_sets(rw.fit(x, y), x[:8])])
    assert "flip with at most k = 1" in repr(curve)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_groups_of_a_naive_bayes(n_classes: int) -> None:
    """The queries are those that scikit-learn predicts wrongly, the shares those of their sets."""
    rng = np.random.default_rng(n_classes)
    y = np.arange(240) % n_classes
    x = rng.poisson(np.where(np.arange(2 * n_classes) % n_classes == y[:, None], 1.5, 0.3))
    queries, truth = x[:60], y[:60]
    train, labels = x[60:], y[60:].copy()
    group = np.where(rng.random(180) < 0.3, "bad", "good")
    labels[group == "bad"] = (labels[group == "bad"] + 1) % n_classes
    fit = rw.adopt(MultinomialNB().fit(train, labels), train, labels)
    wrong = MultinomialNB().fit(train, labels).predict(queries) != truth
    audit = rw.group_audit(fit, queries, group, y_query=truth, resamples=99)
    assert audit.n_audited == wrong.sum() > 0
    sets = rw.find_flip_sets(fit, queries[wrong])
    shares = [np.mean(group[each.rows] == "bad") for each in sets]
    bad = audit.table.set_index("train_group").loc["bad"]
    assert_allclose(bad["share"], np.mean(shares))
    assert_allclose(audit.table["chance"].sum(), 1.0)


# --- the shares of rows in a naive Bayes


def members_of(case: BayesCase, labels: Array) -> Array:
    return (labels[:, None] == np.arange(case.n_classes)) * case.row_weights()[:, None]


@pytest.mark.parametrize("case", FOUR, ids=lambda case: f"{type(case.model).__name__}, {case.n_classes}")
@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_shares_are_integrals_along_the_way(case: BayesCase, edit: Any) -> None:
    """By the definition of the classifier, with all edits made little by little, one row's a little further."""
    fit, rows = case.fit(), np.array([2, 7, 11])
    new = (case.y[rows] + 1) % case.n_classes
    told = rw.explain(fit, case.query, rows, labels=new if edit == "relabel" else None, edit=edit)
    start = members_of(case, case.y)
    end = start.copy()
    end[rows] = members_of(case, with_labels(case.y, rows, new))[rows] if edit == "relabel" else 0.0
    first, last = (scores_by_definition(case, each[None])[0] for each in (start, end))
    code, rival = 1, 0
    if case.n_classes > 2:
        code = int(first.argmax())
        rival = int(np.where(np.arange(case.n_classes) == code, -np.inf, last).argmax())
    assert_allclose(told.change, (last - first)[code] - (last - first)[rival], atol=1e-9)
    assert abs(told.interaction) < 1e-9

    def margins(members: Array) -> Array:
        scores = scores_by_definition(case, members)
        return np.asarray(scores[:, code] - scores[:, rival])

    steps, h = (np.arange(400) + 0.5)[:, None, None] / 400, 1e-5
    for row, share in zip(told.rows, told.shares, strict=True):
        ahead = np.zeros_like(start)
        ahead[row] = h * (end - start)[row]
        way = start + steps * (end - start)
        assert_allclose(share, ((margins(way + ahead) - margins(way - ahead)) / (2 * h)).mean(), atol=1e-4)


def test_shared_words_of_a_naive_bayes() -> None:
    x = np.array([[2, 0, 1], [0, 3, 0], [1, 1, 0], [0, 0, 2], [1, 0, 0], [0, 2, 2]])
    y, query = np.array(["a", "b", "a", "b", "a", "b"]), np.array([1.0, 0.0, 2.0])
    for model in (MultinomialNB(), ComplementNB()):
        fit = rw.adopt(model.fit(x, y), x, y)
        told = rw.explain(fit, query, [1, 3, 4])
        assert [set(each.columns) for each in told.shared] == [set(), {2}, {0}]
        assert told.shared[1].contributions[0] < 0 < told.shared[2].contributions[0]  # towards and away from "a"
    assert rw.explain(fit, query, [0, 1], labels=["a", "a"]).rows.tolist() == [1]
    with pytest.raises(ValueError, match="leaves no examples of 'b'"):
        rw.explain(fit, query, [1, 3, 5])


# --- noise by group


def four_classes(n: int, seed: int, noise: float = 0.0) -> tuple[Array, Array]:
    """A problem whose truth is the same for every seed; a share of the labels is another one."""
    x = np.random.default_rng(seed).normal(size=(n, 4))
    rng = np.random.default_rng(seed + 100)
    y = np.argmax(2 * x + 0.3 * rng.normal(size=(n, 4)), axis=1)
    wrong = rng.choice(n, round(noise * n), replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, 4, len(wrong))) % 4
    return x, np.array(["n", "e", "s", "w"])[y]


@pytest.mark.parametrize("edit", ["relabel", "remove"])
def test_the_statistic_of_noise_by_its_definition(edit: Any) -> None:
    """First-order sizes in models of either half, with the pull of both halves together at half their weight."""
    x, y, names = np.random.default_rng(6).normal(size=(48, 2)), np.repeat([0, 1, 2], 16), np.arange(48) % 2
    x[y == 1, 0] += 1.5
    x[y == 2, 1] -= 1.5
    queries, truth = np.random.default_rng(5).normal(size=(12, 2)), np.arange(12) % 3
    audit = rw.noise_audit(names, queries, truth, fit=rw.fit(x, y), permutations=0, method="first-order", edit=edit)
    pooled = rw.fit(x, y, sample_weight=np.full(48, 0.5))
    p, z = pooled.proba(x), np.column_stack([x, np.ones(48)])
    blocks = 0.5 * (p[:, :, None] * np.eye(3) - p[:, :, None] * p[:, None])
    dense = np.einsum("ij,ikl,im->jkml", z, blocks, z).reshape(9, 9) + np.diag(pooled.problem.penalty)
    order = np.argsort(-pooled.decision(queries), axis=1)
    scores = []
    for group in (0, 1):
        rows = np.flatnonzero(names == group)
        half, total = rw.fit(x[rows], y[rows]), 0.0
        for query, (above, below, _), true in zip(queries, order, truth, strict=True):
            functional = np.outer(np.append(query, 1.0), np.eye(3)[above] - np.eye(3)[below]).ravel()
            v = z[rows] @ (np.linalg.pinv(dense) @ functional).reshape(3, 3)
            margin = half.decision(query[None])[0] @ (np.eye(3)[above] - np.eye(3)[below])
            if edit == "relabel":
                moves = v - v[np.arange(len(rows)), y[rows]][:, None]
            else:
                moves = ((half.proba(x[rows]) - np.eye(3)[y[rows]]) * v).sum(axis=1)[:, None]
            sums = np.cumsum(-np.sort(-(-np.sign(margin) * moves).max(axis=1)))
            size = 1 + np.argmax(sums >= abs(margin)) if (sums >= abs(margin)).any() else len(rows)
            total += np.log2(1 + size) * (1 if (above if margin > 0 else below) == true else -1)
        scores.append(total / len(queries))
    assert audit.tests["difference"].item() == pytest.approx(scores[0] - scores[1], abs=1e-3)


def test_noise_of_four_classes() -> None:
    groups = {"a": four_classes(160, 10), "b": four_classes(200, 11), "c": four_classes(160, 12, noise=0.3)}
    queries, truth = four_classes(40, 99)
    settings: dict[str, Any] = {"reference": "a", "permutations": 49, "method": "first-order"}
    audit = rw.noise_audit(groups, queries, truth, **settings)
    tests, means = audit.tests.set_index("group"), audit.means.set_index("group")
    assert tests.loc["c", "p_adjusted"] < 0.05
    assert tests.loc["c", "difference"] < 0
    assert tests.loc["b", "p_adjusted"] > 0.05
    assert means.loc["c", "mean"] < means.loc["a", "mean"]
    whole = np.vstack([x for x, _ in groups.values()]), np.concatenate([y for _, y in groups.values()])
    names = np.repeat(list(groups), [160, 200, 160])
    by_fit = rw.noise_audit(names, queries, truth, fit=rw.fit(*whole), **settings)
    assert by_fit.tests.equals(audit.tests)
    alone = rw.noise_audit({"all": groups["a"]}, queries[:6], permutations=0, n_jobs=1)
    sets = rw.find_flip_sets(rw.fit(*groups["a"]), queries[:6])
    assert alone.sizes["size"].mean() == pytest.approx(np.mean([each.size for each in sets]), rel=0.1)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_noise_with_weights_that_follow_the_label(n_classes: int) -> None:
    """Ones change nothing, and balanced weights are those of the rows that were drawn."""
    x, y = class_case(5, n=90, p=3, n_classes=n_classes)
    queries, truth = x[:10] + 0.1, y[:10]
    names = np.arange(90) % 2
    settings: dict[str, Any] = {"permutations": 9, "method": "first-order"}
    plain = rw.noise_audit(names, queries, truth, fit=rw.fit(x, y), **settings)
    ones = rw.noise_audit(names, queries, truth, fit=rw.fit(x, y, class_weight={0: 1.0}), **settings)
    assert_allclose(ones.tests[["difference", "p"]], plain.tests[["difference", "p"]], atol=1e-6)
    balanced = rw.noise_audit(np.zeros(90), queries, fit=rw.fit(x, y, class_weight="balanced"), permutations=0)
    sets = rw.find_flip_sets(rw.fit(x, y, class_weight="balanced"), queries)
    assert_array_equal(balanced.sizes["size"], [each.size for each in sets])


def test_a_group_without_a_class_is_named() -> None:
    groups = {"a": four_classes(80, 0), "b": four_classes(80, 1)}
    keep = groups["b"][1] != "s"
    groups["b"] = groups["b"][0][keep], groups["b"][1][keep]
    with pytest.raises(ValueError, match="rows of each of the 4 classes in every group, got none of 's' in 'b'"):
        rw.noise_audit(groups, groups["a"][0][:3])
    with pytest.raises(ValueError, match=r"noise_audit: expected no threshold with 4 classes, got 0\.7"):
        rw.noise_audit({"a": groups["a"]}, groups["a"][0][:3], threshold=0.7)


# --- what has no meaning is refused with the way out


def test_refusals_name_the_way_out() -> None:
    x, y = class_case(9, n=30, p=3)
    three, bayes = rw.fit(x, y), FOUR[0].fit()
    for bound in (rw.remainder_bound, rw.remainder_bound_cost, rw.pair_bound, rw.pair_bound_cost):
        with pytest.raises(ValueError, match=r"a fit of two classes, got 3: .* and single_relabel_table\."):
            bound(three)
        with pytest.raises(TypeError, match=r"no objective whose curvature .* takes one: flip sets, verify, explain"):
            bound(bayes)
    with pytest.raises(TypeError, match=r"leverages: expected a Fit with coefficients, .* explain, influence"):
        rw.leverages(bayes)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"single_relabel_table: .* tries single relabels itself: see lower_bound"):
        rw.single_relabel_table(bayes, FOUR[0].query[None])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"exhaustive_lower_bound: .*of find_flip_set is proven for a naive Bayes"):
        rw.exhaustive_lower_bound(bayes, FOUR[0].query)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"noise_audit: .* pass fit=rw\.fit\(X, y\)"):
        rw.noise_audit(np.arange(30) % 2, FOUR[0].query[None], fit=bayes)  # type: ignore[arg-type]
    balanced = rw.fit(x, y, class_weight="balanced")
    with pytest.raises(ValueError, match=r"weights that stay with the rows, .* pass the weights as sample_weight"):
        rw.exhaustive_lower_bound(balanced, x[0])


# --- laws


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS)
def test_order_of_classes_rows_and_columns_does_not_matter(seed: int) -> None:
    """Of a set that is proven smallest, the size; of the table, every entry."""
    rng = np.random.default_rng(seed)
    x, y = class_case(seed, n=20, p=2)
    names, rows, columns = rng.permutation(3), rng.permutation(20), rng.permutation(2)
    query = rng.normal(size=2)
    one, two = rw.fit(x, y), rw.fit(x[rows][:, columns], names[y][rows])
    first, second = rw.find_flip_set(one, query), rw.find_flip_set(two, query[columns])
    assert names[first.predicted_before] == second.predicted_before
    if first.optimal and second.optimal:
        assert first.size == second.size
    assert first.lower_bound <= second.size
    assert second.lower_bound <= first.size
    table = rw.single_relabel_table(one, query[None])[0]
    renamed = rw.single_relabel_table(two, query[None, columns])[0]
    assert_allclose(renamed[:, names], table[rows], atol=1e-6)


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS, class_weight=st.sampled_from([{0: 0.5, 2: 3.0}, *(["balanced"] if BALANCES_BY_WEIGHT else [])]))
def test_laws_of_weights_that_follow_the_label(seed: int, class_weight: Any) -> None:
    """Weight 2 is a row twice, whatever the order; with all weights c times as large, C is c times as small."""
    rng = np.random.default_rng(seed)
    x, y = class_case(seed, n=30, p=3)
    weights = rng.integers(1, 3, 30).astype(float)
    fit = rw.fit(x, y, 0.5, weights, class_weight=class_weight)
    decision, edit = fit.decision(x), {"rows": np.array([3, 17]), "labels": (y[[3, 17]] + 1) % 3}
    after = fit.refit(**edit).decision(x)
    rows, columns = rng.permutation(30), rng.permutation(3)
    other = rw.fit(x[rows][:, columns], y[rows], 0.5, weights[rows], class_weight=class_weight)
    assert_allclose(other.decision(x[:, columns]), decision, atol=1e-7)
    twice = np.repeat(np.arange(30), weights.astype(int))
    doubled = rw.fit(x[twice], y[twice], 0.5, class_weight=class_weight)
    assert_allclose(doubled.decision(x), decision, atol=1e-7)
    places = np.flatnonzero(np.isin(twice, edit["rows"]))
    labels = (y[twice[places]] + 1) % 3
    assert_allclose(doubled.refit(places, labels=labels).decision(x), after, atol=1e-7)
    if class_weight == "balanced":  # of weights c times as large the balanced ones are the same, times c
        scaled = rw.fit(x, y, 0.5 / 4, 4 * weights, class_weight=class_weight)
    else:
        of_class = {label: 4 * class_weight.get(label, 1.0) for label in range(3)}
        scaled = rw.fit(x, y, 0.5 / 4, weights, class_weight=of_class)
    assert_allclose(scaled.decision(x), decision, atol=1e-7)
    assert_allclose(scaled.refit(**edit).decision(x), after, atol=1e-7)


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS, edit=st.sampled_from(["relabel", "remove"]))
def test_a_set_never_leaves_a_class_without_rows(seed: int, edit: Any) -> None:
    """Logistic regression and naive Bayes, where one class has two rows and they are what the query is near."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(1.0, (24, 4)).astype(float)
    y = np.append(np.arange(22) % 2, [2, 2])
    x[22:] += [0, 0, 4, 4]
    for fit in (rw.fit(x, y, 5.0), rw.adopt(MultinomialNB().fit(x, y), x, y)):
        query = np.array([0.0, 0.0, 5.0, 5.0])
        for found in (rw.find_flip_set(fit, query, edit=edit), rw.find_flip_set(fit, x[0], target=2, edit=edit)):
            if not found.found:
                continue
            left = np.delete(y, found.rows) if edit == "remove" else with_labels(y, found.rows, found.labels)
            assert set(left) == {0, 1, 2}
            assert found.verified
