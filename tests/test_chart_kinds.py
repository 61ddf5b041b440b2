"""The charts of a workbench show its numbers, and only what is known."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from relabel_widget.charts import KINDS, kinds, save_chart
from relabel_widget.workbench.workbench import Workbench

NASTY = "</script><b>\u202e" + "long " * 200


def make(n_test: int = 12, y_test: bool = True) -> Workbench:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60 + n_test, 3))
    y = np.where(X @ [1.0, -1.0, 0.5] + rng.normal(size=len(X)) > 0, "yes", "no")
    train, test = X[:60], X[60:]
    texts = [f"{NASTY}{row}" for row in range(60)]
    return Workbench(
        LogisticRegression(tol=1e-10).fit(train, y[:60]),
        train,
        y[:60],
        test,
        y[60:] if y_test else None,
        train_text=texts,
    )


@pytest.fixture
def bench() -> Workbench:
    return make()


def layer(chart: Any, mark: str) -> list[dict[str, Any]]:
    """The values behind the first layer of that mark, after its own filter."""
    spec = chart.to_dict()
    for one in spec.get("layer", [spec]):
        if one["mark"]["type"] == mark:
            data = one.get("data", spec.get("data"))
            return data["values"] if "values" in data else spec["datasets"][data["name"]]
    raise AssertionError(f"no {mark} in {spec}")


def test_influence_is_the_table(bench: Workbench) -> None:
    bench.flip_set(2)
    bench.relabel(bench.flip_set(2).rows[:1])
    table, values = bench.influential_rows(2, 9), layer(bench.chart("influence", 2, top=9), "bar")
    assert [value["row"] for value in values] == table["row"].tolist()
    assert [value["influence"] for value in values] == table["influence"].tolist()
    for value, line in zip(values, table.itertuples(), strict=True):
        assert ("set" in value["sign"]) == line.in_flip_set
        assert ("relabelled" in value["sign"]) == line.relabelled
        assert value["effect"] == ("towards its flip" if line.share > 0 else "away from it")
        assert ("→" in value["label"]) == line.relabelled
    assert len({value["name"] for value in values}) == 9


def test_influence_of_one_row_among_all_shows_both_directions(bench: Workbench) -> None:
    values = layer(bench.chart("influence", 2, top=60), "bar")
    assert {value["effect"] for value in values} == {"towards its flip", "away from it"}
    assert {value["sign"] for value in values} == {""}


def test_sizes_are_counted(bench: Workbench) -> None:
    for row in range(bench.n_test):
        bench.flip_set(row)
    table = bench.test_rows()
    counted = {(v["predicted"], (v["from"] + v["to"]) / 2): v["count"] for v in layer(bench.chart("sizes"), "bar")}
    expected = table.groupby(["predicted", "flip_size"]).size()
    assert counted == {key: int(n) for key, n in expected.items()}


def test_many_sizes_share_bars() -> None:
    columns = pd.Series({"flip_size": np.arange(1, 101), "predicted": np.ones(100, int), "proba": np.full(100, 0.9)})
    bench: Any = pd.Series({"test_columns": lambda: columns, "classes": np.array(["no", "yes"])})
    values = layer(kinds._sizes(bench), "bar")
    assert sum(value["count"] for value in values) == 100
    assert [value["rows"] for value in values[:2]] == ["1 to 3", "4 to 6"]
    assert len(values) <= 40


def test_sizes_against_probability(bench: Workbench) -> None:
    bench.flip_set(3)
    bench.flip_set(5)
    table = bench.test_rows().loc[[3, 5]]
    chart = bench.chart("size-probability")
    values = layer(chart, "point")
    assert [(v["row"], v["proba"], v["size"], v["predicted"]) for v in values] == list(
        zip(table["row"], table["proba"], table["flip_size"], table["predicted"], strict=True)
    )
    assert "2 verified sets of 12 test rows" in str(chart.to_dict()["title"]["subtitle"])
    assert layer(chart, "rule") == [{"x": 0.5}]


@pytest.mark.parametrize("y_test", [True, False])
def test_before_and_after(y_test: bool) -> None:
    bench = make(y_test=y_test)
    bench.relabel(bench.flip_set(4).rows)
    verification, truth = bench.verify(), bench.y_test
    values = layer(bench.chart("before-after"), "point")
    assert [value["before"] for value in values] == pytest.approx(verification.proba_before)
    assert [value["after"] for value in values] == pytest.approx(verification.proba_after)
    predicted = np.where(verification.proba_after > 0.5, "yes", "no")
    for row, value in enumerate(values):
        if not verification.flipped[row]:
            assert value["fate"] == "kept its class"
        elif truth is None:
            assert value["fate"] == "flipped"
        else:
            assert value["fate"] == ("became right" if predicted[row] == truth[row] else "became wrong")
    assert verification.flipped[4]


def test_before_and_after_where_nothing_flipped(bench: Workbench) -> None:
    safe = int(np.argmax(np.abs(bench.test_columns().margin)))
    bench.relabel(int(bench.influential_rows(safe, 60)["influence"].abs().idxmin()))
    bench.verify()
    chart = bench.chart("before-after")
    title = chart.to_dict()["title"]["text"]
    assert title == f"{int(bench.verification.flipped.sum())} of 12 predictions flipped by 1 relabel"  # type: ignore[union-attr]
    assert {value["fate"] for value in layer(chart, "circle")} == {"kept its class"}


def test_many_points_that_coincide_are_drawn_once() -> None:
    bench = make(6000)
    bench.relabel(bench.flip_set(0).rows)
    bench.verify()
    values = layer(bench.chart("before-after"), "circle")
    assert len(values) <= 5000
    assert sum(value["count"] for value in values) == 6000


def test_texts_are_cut_and_stay_texts(bench: Workbench) -> None:
    values = layer(bench.chart("influence", 0), "bar")
    assert all(len(value["name"]) < 80 and len(value["text"]) <= 300 for value in values)
    assert all("</script><b>" in value["text"] for value in values)


@pytest.mark.parametrize("kind", ["pie", None, 3, "Influence"])
def test_another_kind(bench: Workbench, kind: Any) -> None:
    words = "chart: expected one of 'influence', 'sizes', 'size-probability', 'before-after', got "
    with pytest.raises(ValueError, match=words):
        bench.chart(kind)
    assert list(KINDS) == ["influence", "sizes", "size-probability", "before-after"]


def test_influence_needs_a_row(bench: Workbench) -> None:
    with pytest.raises(ValueError, match=r"chart: 'influence' needs a test row\. Pass its number"):
        bench.chart("influence")
    with pytest.raises(IndexError, match="12"):
        bench.chart("influence", 12)


@pytest.mark.parametrize("kind", ["sizes", "size-probability"])
def test_sizes_must_be_known(bench: Workbench, kind: str) -> None:
    with pytest.raises(ValueError, match=r"chart: no flip set is known yet at this threshold\. Call flip_set\(row\)"):
        bench.chart(kind)


def test_before_and_after_needs_a_verification(bench: Workbench) -> None:
    with pytest.raises(ValueError, match=r"chart: 'before-after' shows a verification, and the current labels have"):
        bench.chart("before-after")


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_chart_is_wider_than_a_narrow_page(bench: Workbench, kind: str, tmp_path: Path) -> None:
    """Marimo cuts off what is wider than its column: bars of different length would look the same."""
    bench.relabel(bench.flip_set(2).rows)
    bench.verify()
    path = save_chart(bench.chart(kind, 2 if kind == "influence" else None), tmp_path / "chart.svg")
    root = ET.parse(path).getroot()  # noqa: S314
    assert float(root.attrib["width"]) <= 670


def test_names_from_right_to_left_keep_their_direction_to_themselves() -> None:
    """A number after a Hebrew name was drawn before it, and the arrow of a changed label pointed the wrong way."""
    from sklearn.linear_model import LogisticRegression as Model

    X = np.random.default_rng(3).normal(size=(40, 2))
    y = np.where(X[:, 0] > 0, "טוב", "רע")
    bench = Workbench(Model().fit(X, y), X, y, X, train_text=[f"טקסט {row}" for row in range(40)])
    bench.relabel(bench.influential_rows(0, 1)["row"])
    chart = bench.chart("influence", 0, top=3)
    text = chart.to_dict()["title"]["subtitle"][1]
    assert "probability of \u2068רע\u2069 0." in text or "probability of \u2068טוב\u2069 0." in text
    changed, *_ = layer(chart, "bar")
    assert changed["label"].count("\u2068") == changed["label"].count("\u2069") == 2
    assert changed["name"].endswith("\u2069")
