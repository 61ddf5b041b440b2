"""What to check next, how much is left, and the simulation of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from class_problems import BALANCES_BY_WEIGHT
from scipy import sparse
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import MultinomialNB

import relabel_widget as rw
from relabel_widget.audit.checking import at_known_shares
from relabel_widget.audit.error_odds import ErrorOdds, error_odds
from relabel_widget.audit.worth import Gains, expected_gains


class Planted:
    """Rows of known classes, some training labels wrong; other rows whose class is known."""

    def __init__(self, n_classes: int, *, n: int = 600, rate: float = 0.1, seed: int = 0, m: int = 400) -> None:
        rng = np.random.default_rng(seed)
        centres = 1.3 * rng.normal(size=(n_classes, 6))
        true = rng.integers(0, n_classes, n + m)
        x = rng.normal(size=(n + m, 6)) + centres[true]
        self.names = np.array(["a", "b", "c", "d"])[:n_classes]
        self.x, self.x_known = x[:n], x[n:]
        self.truth, self.y_known = self.names[true[:n]], self.names[true[n:]]
        self.wrong = np.isin(np.arange(n), rng.choice(n, round(rate * n), replace=False))
        self.y = np.where(self.wrong, self.names[(true[:n] + 1) % n_classes], self.truth)

    def fit(self, **how: object) -> rw.Fit:
        return rw.fit(self.x, self.y, **how)

    def answers(self, rows: np.ndarray) -> dict[int, str]:
        return {int(row): str(self.truth[row]) for row in rows}


def log_loss(fit: rw.Fit, x: np.ndarray, y: np.ndarray) -> float:
    proba = fit.proba(x)
    proba = proba if proba.ndim == 2 else np.column_stack([1 - proba, proba])
    return float(-np.log(proba[np.arange(len(y)), np.searchsorted(fit.classes, y)]).mean())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_gain_is_the_slope_of_the_known_rows_loss(n_classes: int) -> None:
    """A row of weight s, relabelled, moves the loss by s times its slope; small weights see no second order."""
    data = Planted(n_classes)
    light = np.ones(600)
    light[::3] = 1e-4
    fit = data.fit(sample_weight=light)
    table = rw.next_to_check(fit, data.x_known, data.y_known).set_index("row")
    before = log_loss(fit, data.x_known, data.y_known)
    for row in range(0, 30, 3):
        refit = fit.refit([row], labels=[table.loc[row, "suggested"]])
        fall = before - log_loss(refit, data.x_known, data.y_known)
        assert table.loc[row, "gain"] == pytest.approx(fall, rel=0.02, abs=1e-10)


@pytest.mark.parametrize("class_weight", [*(["balanced"] if BALANCES_BY_WEIGHT else []), {"a": 3.0}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gains_take_the_weight_of_the_new_class(n_classes: int, class_weight: object) -> None:
    data = Planted(n_classes)
    light = np.ones(600)
    light[::3] = 1e-4
    fit = data.fit(sample_weight=light, class_weight=class_weight)
    table = rw.next_to_check(fit, data.x_known, data.y_known).set_index("row")
    before = log_loss(fit, data.x_known, data.y_known)
    falls, gains = [], []
    for row in range(0, 60, 3):
        refit = fit.refit([row], labels=[table.loc[row, "suggested"]])
        falls.append(before - log_loss(refit, data.x_known, data.y_known))
        gains.append(table.loc[row, "gain"])
    assert np.corrcoef(falls, gains)[0, 1] > 0.99


@pytest.mark.parametrize("n_classes", [2, 4])
def test_wrong_labels_come_first_and_answers_leave_the_queue(n_classes: int) -> None:
    data = Planted(n_classes)
    fit = data.fit()
    first = rw.next_to_check(fit, data.x_known, data.y_known, limit=40)
    assert first.columns.tolist() == ["row", "label", "suggested", "score", "gain"]
    rows = first["row"].to_numpy()
    assert data.wrong[rows].mean() > 0.5
    assert (first["label"].to_numpy() == data.y[rows]).all()
    assert (first["suggested"].to_numpy() != data.y[rows]).all()
    assert first["score"].between(0, 1).all()
    rest = rw.next_to_check(fit, data.x_known, data.y_known, decisions=data.answers(rows))
    assert sorted([*rest["row"], *rows]) == list(range(600))


def test_answers_calibrate_the_score() -> None:
    """People who find every label right lower the probability of all others; who find all wrong raise it."""
    data = Planted(2)
    fit = data.fit()
    rows = rw.next_to_check(fit, data.x_known, data.y_known, limit=60)["row"]
    other = {"a": "b", "b": "a"}
    right = rw.next_to_check(fit, decisions={row: data.y[row] for row in rows}).set_index("row")["score"]
    wrong = rw.next_to_check(fit, decisions={row: other[data.y[row]] for row in rows}).set_index("row")["score"]
    asked = rw.next_to_check(fit).set_index("row")["score"].loc[right.index]
    assert right.sum() < asked.sum() < wrong.loc[right.index].sum()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_class_that_is_often_wrong_is_learned_from_answers(n_classes: int) -> None:
    """Labels equally suspect, those of one class all wrong, those of the others all right."""
    rng = np.random.default_rng(0)
    score, given = rng.uniform(0.3, 0.9, 600), rng.integers(0, n_classes, 600)
    suggested = (given + 1) % n_classes
    checked = np.arange(100)
    odds = error_odds(score, given, suggested, n_classes, checked, given[checked] == 1)
    p = odds.probability[100:]
    of = given[100:] == 1
    assert p[of].mean() > 2 * p[~of].mean()
    before = error_odds(score, given, suggested, n_classes, checked[:0], np.zeros(0, dtype=bool)).probability
    assert np.argsort(before).tolist() == np.argsort(score).tolist()


def test_a_pair_of_labels_that_is_often_mixed_up_is_learned_from_answers() -> None:
    rng = np.random.default_rng(0)
    score, given = rng.uniform(0.3, 0.9, 900), rng.integers(0, 3, 900)
    suggested = (given + rng.integers(1, 3, 900)) % 3
    mixed = (given == 0) & (suggested == 2)
    odds = error_odds(score, given, suggested, 3, np.arange(200), mixed[:200])
    alike = (given == 0) & (suggested == 1)
    assert odds.probability[200:][mixed[200:]].mean() > 1.5 * odds.probability[200:][alike[200:]].mean()


def test_totals_are_spread_as_their_parts_are() -> None:
    """With coefficients known for sure, a total is a sum of independent errors."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(2000, 2))
    odds = ErrorOdds(columns, np.full(2000, -1.0), np.array([1.0, 0.5]), np.zeros((2, 2)))
    p = odds.probability
    draws = odds.totals([np.arange(2000), np.arange(10)])
    assert draws[:, 0].mean() == pytest.approx(p.sum(), abs=3)
    assert draws[:, 0].std() == pytest.approx(np.sqrt((p * (1 - p)).sum()), rel=0.15)
    assert draws[:, 1].max() <= 10


def test_without_known_rows_suspicion_alone_decides() -> None:
    fit = Planted(2).fit()
    table = rw.next_to_check(fit)
    assert table["gain"].isna().all()
    assert (np.diff(table["score"]) <= 0).all()
    by_suspicion = rw.suspects(fit).set_index("row")["score"]
    assert table.set_index("row")["score"].corr(by_suspicion, method="spearman") > 0.95


def test_known_rows_raise_suspicion() -> None:
    """A training row that stands among the known rows with another class is found."""
    data = Planted(2, n=300)
    row = int(np.flatnonzero(~data.wrong)[5])
    twin = np.repeat(data.x[[row]], 20, axis=0)
    other = "a" if data.y[row] == "b" else "b"
    alone = rw.next_to_check(data.fit(C=100.0)).set_index("row")["score"][row]
    beside = rw.next_to_check(data.fit(C=100.0), twin, [other] * 20).set_index("row")["score"][row]
    assert beside > 10 * alone


def test_probabilities_follow_the_shares_of_known_rows() -> None:
    """Bayes' rule on three normal distributions: only how common each is differs."""
    shares, true = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
    likely = np.exp(-0.5 * np.square(np.linspace(-2, 3, 50)[:, None] - [-1.0, 0.0, 1.0]))
    learned, wanted = likely * shares, likely * true
    learned /= learned.sum(axis=1, keepdims=True)
    wanted /= wanted.sum(axis=1, keepdims=True)
    assert at_known_shares(learned, shares, (1e9 * true).astype(int)) == pytest.approx(wanted, rel=1e-5)
    assert at_known_shares(learned, shares, np.zeros(3, dtype=int)) == pytest.approx(learned)
    few = at_known_shares(learned, shares, np.array([0, 0, 100]))  # as much as the labels say: half way
    between = likely * np.array([0.25, 0.15, 0.6])
    assert few == pytest.approx(between / between.sum(axis=1, keepdims=True))


def test_a_class_that_errors_make_rare_is_not_the_most_suspect() -> None:
    """Four in five labels of one class are wrong. A model doubts the fifth one; known rows say otherwise."""
    data = Planted(2, n=3000)
    hidden = (data.truth == "b") & (np.random.default_rng(1).random(3000) < 0.8)
    fit = rw.fit(data.x, np.where(hidden, "a", data.truth))
    most = rw.next_to_check(fit, data.x_known, data.y_known).nlargest(50, "score")
    assert (most["label"] == "a").sum() > 40
    assert (rw.next_to_check(fit, limit=50)["label"] == "b").all()


def test_dense_and_sparse_rows_give_the_same_queue() -> None:
    data = Planted(3)
    dense = rw.next_to_check(data.fit(), data.x_known, data.y_known)
    x = sparse.csr_array(data.x)
    held = rw.next_to_check(rw.fit(x, data.y), sparse.csr_array(data.x_known), data.y_known)
    pd.testing.assert_frame_equal(dense, held, check_exact=False, rtol=1e-3)


def test_a_pipelines_raw_rows_are_known_rows() -> None:
    data = Planted(2)
    frame = pd.DataFrame(data.x, columns=list("uvwxyz"))
    fit = rw.adopt(LogisticRegression(tol=1e-8).fit(frame, data.y), frame, data.y)
    known = pd.DataFrame(data.x_known, columns=list("uvwxyz"))
    assert len(rw.next_to_check(fit, known, data.y_known, limit=5)) == 5


def test_a_design_in_a_file_is_ranked(tmp_path: object) -> None:
    data = Planted(2)
    fit = rw.fit(rw.write_design(tmp_path / "x.rlw", data.x), data.y)  # type: ignore[operator]
    table = rw.next_to_check(fit, data.x_known, data.y_known, limit=40)
    assert data.wrong[table["row"]].mean() > 0.5


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_outlook_narrows_to_the_truth(n_classes: int) -> None:
    data = Planted(n_classes, n=1500)
    fit = data.fit()
    before = rw.checking_outlook(fit, data.x_known, data.y_known)
    rows = rw.next_to_check(fit, data.x_known, data.y_known, limit=200)["row"].to_numpy()
    after = rw.checking_outlook(fit, data.x_known, data.y_known, decisions=data.answers(rows), more=50)
    assert after.checked == 200
    assert after.found == data.wrong[rows].sum()
    assert after.more == 50
    assert after.wrong.low <= data.wrong.sum() <= after.wrong.high
    assert after.wrong.estimate == after.found + after.left.estimate
    assert after.wrong.high - after.wrong.low < before.wrong.high - before.wrong.low
    assert after.next_found.high <= 50
    assert after.left.low <= after.left.estimate <= after.left.high
    assert "of 200 checked labels were wrong" in repr(after)


def test_the_outlook_of_a_few_rows_looks_no_further_than_them() -> None:
    data = Planted(2, n=60)
    outlook = rw.checking_outlook(data.fit(), more=1000)
    assert outlook.more == 60
    assert np.isnan(outlook.next_gain)


@pytest.mark.parametrize("n_checked", [0, 60])
@pytest.mark.parametrize("more", [30, 190, 1000])
def test_no_more_are_found_next_than_are_left(n_checked: int, more: int) -> None:
    data = Planted(2, n=200, rate=0.05)
    fit = data.fit()
    rows = rw.next_to_check(fit)["row"].to_numpy()[:n_checked]
    outlook = rw.checking_outlook(fit, decisions=data.answers(rows), more=more)
    assert outlook.next_found.estimate <= outlook.left.estimate
    assert outlook.next_found.low <= outlook.left.low
    assert outlook.next_found.high <= outlook.left.high


def test_simulated_checking_repairs_all_in_the_end() -> None:
    data = Planted(2, n=200, rate=0.2)
    curve = rw.simulate_checking(data.fit(), data.truth, data.x_known, data.y_known, checks=[20, 60, 200])
    assert curve.table["checked"].tolist() == [0, 20, 60, 200]
    assert curve.table["repaired"].iloc[[0, -1]].tolist() == pytest.approx([0, 1])
    assert curve.table["found"].iloc[-1] == curve.wrong == 40
    assert curve.table["loss"].iloc[-1] == pytest.approx(curve.clean_loss)
    assert curve.at(200) == pytest.approx(1)
    assert curve.at(10) == pytest.approx(curve.table["repaired"].iloc[1] / 2)
    half = curve.checks_for(0.5)
    assert curve.at(int(np.ceil(half))) >= 0.5
    assert "40 of 40 wrong labels found" in repr(curve)


def test_orders_are_names_rows_and_functions() -> None:
    data = Planted(3, n=300)
    fit, given = data.fit(), {"checks": [30, 60]}
    test = data.x_known, data.y_known
    oracle = np.argsort(~data.wrong, kind="stable")
    best = rw.simulate_checking(fit, data.truth, *test, order=oracle, **given)
    assert best.table["found"].tolist() == [0, 30, 30]
    assert best.checks_for(1.0) == pytest.approx(30)
    asked: list[int] = []

    def mine(of: rw.Fit, answers: dict[int, str]) -> pd.DataFrame:
        assert of is fit
        assert answers == data.answers(np.array(list(answers), dtype=int))
        asked.append(len(answers))
        return rw.suspects(of, decisions=answers)

    by_function = rw.simulate_checking(fit, data.truth, *test, order=mine, **given)
    assert asked == [0, 30]
    assert by_function.name == "mine"
    by_name = rw.simulate_checking(fit, data.truth, *test, order="suspects", **given)
    pd.testing.assert_frame_equal(by_function.table, by_name.table)
    random = rw.simulate_checking(fit, data.truth, *test, order="random", **given)
    ours = rw.simulate_checking(fit, data.truth, *test, **given)
    assert random.table["found"].iloc[-1] < by_name.table["found"].iloc[-1] <= 30
    assert ours.name == "next_to_check"
    assert random.checks_for(1.0) != random.checks_for(1.0)  # NaN


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_test_rows_the_training_rows_judge(n_classes: int) -> None:
    data = Planted(n_classes, n=200)
    fit = data.fit()
    curve = rw.simulate_checking(fit, data.truth, checks=[200])
    assert curve.table["loss"].iloc[0] == pytest.approx(log_loss(fit, data.x, data.truth))
    assert curve.at(200) == pytest.approx(1)


def test_curves_are_drawn_side_by_side() -> None:
    pytest.importorskip("altair")
    data = Planted(2, n=200)
    fit = data.fit()
    curves = [rw.simulate_checking(fit, data.truth, order=order, checks=[50]) for order in ("suspects", "random")]
    drawn = curves[0].chart(*curves).to_dict()
    names = drawn["encoding"]["color"]["scale"]["domain"]
    assert names == ["suspects (1)", "suspects (2)", "random"]


def test_wrong_arguments_are_explained() -> None:
    data = Planted(2, n=100)
    fit = data.fit()
    with pytest.raises(ValueError, match="expected X_known and y_known together, got no y_known"):
        rw.next_to_check(fit, data.x_known)
    with pytest.raises(ValueError, match="next_to_check: X_known: expected at least one row"):
        rw.next_to_check(fit, data.x_known[:0], data.y_known[:0])
    with pytest.raises(ValueError, match="next_to_check: expected limit to be a positive"):
        rw.next_to_check(fit, limit=0)
    with pytest.raises(ValueError, match="next_to_check: the decisions leave no row of some class"):
        rw.next_to_check(fit, decisions=dict.fromkeys(range(100), "a"))
    with pytest.raises(TypeError, match="expected decisions to be a mapping or Series from rows to labels, got DataFr"):
        rw.next_to_check(fit, decisions=pd.DataFrame({"label": ["a"]}))
    with pytest.raises(ValueError, match="checking_outlook: more: expected a whole number of at least 1"):
        rw.checking_outlook(fit, more=0)
    counts = np.abs(np.round(data.x))
    bayes = rw.adopt(MultinomialNB().fit(counts, data.y), counts, data.y)
    with pytest.raises(TypeError, match="next_to_check: expected a Fit with coefficients"):
        rw.next_to_check(bayes)


def test_wrong_simulations_are_explained() -> None:
    data = Planted(2, n=100)
    fit = data.fit()
    with pytest.raises(ValueError, match="expected some labels that differ from truth"):
        rw.simulate_checking(fit, data.y)
    with pytest.raises(ValueError, match="there is no damage to repair"):
        rw.simulate_checking(rw.fit(data.x, data.truth), data.y, data.x, data.truth)
    with pytest.raises(ValueError, match="expected checks as rising whole numbers"):
        rw.simulate_checking(fit, data.truth, checks=[20, 10])
    with pytest.raises(ValueError, match="expected order to be one of 'next_to_check'"):
        rw.simulate_checking(fit, data.truth, order="best")
    with pytest.raises(ValueError, match="expected at least 20 rows in the order, got 3"):
        rw.simulate_checking(fit, data.truth, order=[1, 2, 3], checks=[20])
    with pytest.raises(ValueError, match="expected at least two test rows, got 1"):
        rw.simulate_checking(fit, data.truth, data.x_known[:1], data.y_known[:1])
    curve = rw.simulate_checking(fit, data.truth, checks=[20])
    with pytest.raises(ValueError, match="expected at most the 20 labels that were checked, got 30"):
        curve.at(30)
    with pytest.raises(ValueError, match="expected a share above 0"):
        curve.checks_for(0)
    with pytest.raises(TypeError, match="chart: expected CheckingCurves, got 3"):
        curve.chart(3)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error")
def test_nothing_is_left_to_check_once_every_label_is_decided() -> None:
    data = Planted(2, n=60)
    queue = rw.next_to_check(data.fit(), data.x_known, data.y_known, decisions=data.answers(np.arange(60)))
    assert len(queue) == 0


def test_gains_that_are_chance_do_not_turn_the_order_round() -> None:
    """A few known rows may say that every correction does harm; labels that are probably wrong still come first."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(16, 1))
    gains = Gains(np.full(50, -3.0), shared + 0.1 * rng.normal(size=(16, 50)))
    expected = expected_gains(gains, np.full(50, 0.2), np.arange(50) % 2)
    assert (expected.gain > 0).all()
    assert (expected.worth > 0).all()


def test_gains_are_shrunk_towards_those_of_their_pair_of_labels() -> None:
    """Of two pairs with gains of 3 and 0 sampling errors, the first is worth more; single gains hardly count."""
    rng = np.random.default_rng(0)
    pairs = np.repeat([0, 1], 2000)
    gains = Gains(rng.normal(size=4000) + 3.0 * (pairs == 0), rng.normal(size=(16, 4000)))
    worth = expected_gains(gains, np.full(4000, 0.2), pairs).worth
    assert worth[pairs == 0].mean() == pytest.approx(3.0, rel=0.15)
    assert worth[pairs == 1].mean() < 0.5
    assert worth[pairs == 0].std() < 0.4


@pytest.mark.parametrize("n_classes", [2, 3])
def test_other_losses_have_gains_in_their_own_loss(n_classes: int) -> None:
    data = Planted(n_classes)
    fit = rw.adopt(RidgeClassifier(tol=1e-10).fit(data.x, data.y), data.x, data.y)
    table = rw.next_to_check(fit, data.x_known, data.y_known).set_index("row")
    assert data.wrong[table.index[:40]].mean() > 0.5
    signs = np.where(data.y_known[:, None] == fit.classes, 1.0, -1.0)
    signs = signs[:, 1] if n_classes == 2 else signs

    def loss(model: rw.Fit) -> float:
        return float(np.square(1 - signs * model.decision(data.x_known)).sum() / len(signs))

    row = int(table.index[0])
    refit = fit.refit([row], labels=[table.loc[row, "suggested"]])
    assert table.loc[row, "gain"] == pytest.approx(loss(fit) - loss(refit), rel=0.3)
    curve = rw.simulate_checking(fit, data.truth, data.x_known, data.y_known, checks=[40, 600])
    assert curve.at(600) == pytest.approx(1)
