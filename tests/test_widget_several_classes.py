"""The widget of several classes without a browser, and of a naive Bayes: what is told is of the types declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import traitlets
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from widget_cases import ask, page, refused

import relabel_widget as rw
from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget._outcomes import of_forecast

NAMES = np.array(["ant", "bee", "cow"])


pytestmark = pytest.mark.usefixtures("recorded")


def make_bench(model: Any) -> rw.Workbench:
    rng = np.random.default_rng(7)
    codes = np.arange(72) % 3
    x = rng.poisson(0.6, size=(72, 6)).astype(float)
    x[np.arange(72), codes] += rng.poisson(1.2, 72)
    seen = np.where(rng.random(72) < 0.1, (codes + 1) % 3, codes)
    y = NAMES[seen]
    return rw.Workbench(model.fit(x[:60], y[:60]), x[:60], y[:60], x[60:], y[60:])


@pytest.fixture(params=[LogisticRegression(), MultinomialNB()], ids=["logistic", "naive Bayes"])
def bench(request: pytest.FixtureRequest) -> rw.Workbench:
    return make_bench(request.param)


def labels_of(bench: rw.Workbench, rows: list[int]) -> list[str]:
    return bench.labels()[rows].tolist()


def others(bench: rw.Workbench, row: int) -> list[str]:
    return [name for name in NAMES.tolist() if name != bench.fit.y[row]]


def test_every_request_is_answered_as_declared(widget: Any, bench: rw.Workbench) -> None:
    assert protocol.SHARED.fits(widget._state)
    assert widget._state["classes"] == NAMES.tolist()
    ask(widget, "select", row=0)
    ask(widget, "find", row=0)
    ranking = ask(widget, "ranking", row=0, set_first=True)
    found, line = bench.known_flip_set(0), bench.test_rows().iloc[0]
    flip = ranking["flip"]
    assert (flip["rows"], flip["labels"], flip["target"]) == (found.rows.tolist(), found.labels.tolist(), None)
    assert f"to “{found.predicted_after}” after" in flip["words"]
    assert found.predicted_after != line.predicted
    assert (ranking["predicted"], ranking["rival"], ranking["proba"]) == (line.predicted, line.rival, line.proba)
    assert ranking["facts"][0] == line.predicted
    assert ranking["facts"][3].endswith(f" over the rival “{line.rival}”")
    first = ranking["bars"]["rows"][: found.size]
    assert [one["suggested"] for one in first] == found.labels.tolist()
    told = ask(widget, "explain", row=0)
    assert [share["row"] for share in told["shares"]] == bench.explanation(0).rows.tolist()
    words = ask(widget, "words", row=0, train=int(found.rows[0]))
    assert words["label"] == found.labels[0]
    decided = ask(widget, "decide", rows=flip["rows"], decision="relabel", labels=flip["labels"], note="")
    told = bench.forecast(0)
    assert decided["forecast"]["words"] == of_forecast(told, line.proba)
    ask(widget, "verify")
    assert protocol.SHARED.fits(widget._state)
    assert f"flips to “{found.predicted_after}”" in ask(widget, "ranking", row=0, set_first=True)["retrained"]
    assert page(widget)["rows"][0]["verdict"]["to"] == f"to {found.predicted_after}"
    assert ask(widget, "flips")["total"] == bench.verification_summary().n_flipped
    assert {one["suggested"] for one in ask(widget, "queue")["rows"]} <= set(NAMES)
    assert page(widget)["total"] == 12


def test_a_row_may_be_given_any_class(widget: Any, bench: rw.Workbench) -> None:
    one, another = others(bench, 4)
    ask(widget, "decide", rows=[4], decision="relabel", labels=[one], note="")
    assert labels_of(bench, [4]) == [one]
    ask(widget, "decide", rows=[4], decision="relabel", labels=[another], note="")
    assert labels_of(bench, [4]) == [another]
    assert widget.relabelled == [4]
    ask(widget, "decide", rows=[4], decision="relabel", labels=[bench.fit.y[4]], note="")
    assert widget.relabelled == []
    assert len(bench.history()) == 3
    reason, message = refused(widget, "decide", rows=[4], decision="relabel", labels=["dog"], note="")
    assert (reason, "There is no class 'dog'. The classes are" in message) == ("refused", True)
    reason, message = refused(widget, "decide", rows=[4, 5], decision="relabel", labels=["ant"], note="")
    assert (reason, "one for each of the 2 rows" in message) == ("refused", True)
    ask(widget, "decide", rows=[4], decision="keep", labels=["dog"], note="")
    assert bench.decisions()["decision"].tolist() == ["keep"]


def test_a_tick_takes_what_the_chosen_row_suggests(widget: Any, bench: rw.Workbench) -> None:
    ask(widget, "select", row=2)
    wanted = bench.suggested_labels([3, 4], 2).tolist()
    ask(widget, "decide", rows=[3, 4], decision="relabel", note="")
    assert labels_of(bench, [3, 4]) == wanted
    forecast = ask(widget, "undo")["forecast"]
    assert forecast is None
    found = bench.flip_set(2)
    widget.relabelled = found.rows.tolist()
    assert labels_of(bench, found.rows.tolist()) == found.labels.tolist()
    other = next(name for name in others(bench, int(found.rows[0])) if name != found.labels[0])
    bench.relabel(found.rows[0], other)
    widget.relabelled = [*found.rows.tolist(), next(row for row in range(60) if row not in found.rows)]
    assert labels_of(bench, [int(found.rows[0])]) == [other]


def test_a_row_is_flipped_to_a_named_class(widget: Any, bench: rw.Workbench) -> None:
    line = bench.test_rows().iloc[1]
    target = next(name for name in NAMES.tolist() if name not in (line.predicted, line.rival))
    said = ask(widget, "find", row=1, target=target)["message"]
    assert f"“{line.predicted}” → “{target}”" in said
    flip = ask(widget, "ranking", row=1, set_first=True)["flip"]
    assert flip["target"] == target
    assert f"to “{target}” after" in flip["words"]
    assert widget.find_flip_set(1, target) is bench.known_flip_set(1)
    assert "There is no class" in refused(widget, "find", row=1, target="dog")[1]


def test_lists_are_kept_by_predicted_class(widget: Any, bench: rw.Workbench) -> None:
    table = bench.test_rows()
    for name in NAMES:
        rows = [line["row"] for line in page(widget, predicted=str(name))["rows"]]
        assert rows == table.loc[table["predicted"] == name, "row"].tolist()
    wrong = table["predicted"] != table["label"]
    found = page(widget, filter="misclassified", predicted="ant")["rows"]
    assert [line["row"] for line in found] == table.loc[wrong & (table["predicted"] == "ant"), "row"].tolist()


def test_near_is_what_the_rival_nearly_takes(widget: Any, bench: rw.Workbench) -> None:
    fit = bench.fit
    proba = np.sort(fit.proba(fit.design_of(bench._queries.design)), axis=1)
    near = np.flatnonzero(proba[:, -1] - proba[:, -2] <= 0.2)
    assert 0 < len(near) < 12
    assert [line["row"] for line in page(widget, filter="near")["rows"]] == near.tolist()


def test_no_threshold(widget: Any) -> None:
    assert "expected no threshold" in refused(widget, "threshold", value=0.4)[1]
    with pytest.raises(traitlets.TraitError, match="expected no threshold"):
        widget.threshold = 0.4
    assert widget.threshold == 0.5


def test_the_background_leaves_a_named_target_alone(widget: Any, bench: rw.Workbench) -> None:
    line = bench.test_rows().iloc[0]
    target = next(name for name in NAMES.tolist() if name not in (line.predicted, line.rival))
    named = bench.flip_set(0, target)
    ask(widget, "watch", rows=[0], on=True)
    widget._answers._filler.join(60)
    assert bench.known_flip_set(0) is named
    assert (bench.test_rows()["flip_size"].notna()).all()
