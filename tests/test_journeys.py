"""Whole journeys over what people bring, each held against the user's own estimator: never wrong in silence.

A cell works, is refused in words that lead on, or says that it is not sure (`AdoptionWarning`, a set that is not
confirmed). Their names: estimator | pipeline | container of rows | kind of labels | kind of ids.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import journeys
import numpy as np
import pytest
from journeys import ESTIMATORS, IDS, LABELS, N_TRAIN, Cell
from numpy.testing import assert_allclose
from sklearn.base import clone

import relabel_widget as rw

CELLS = list(journeys.cells(7, seed=0))


def test_there_are_cells_enough() -> None:
    assert len(CELLS) >= 200
    for name in ("estimator", "labels", "ids", "pipeline"):
        met = [getattr(cell, name) for cell in CELLS]
        known = {"estimator": ESTIMATORS, "labels": LABELS, "ids": IDS, "pipeline": journeys.PIPELINES}[name]
        assert set(met) == set(known)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_journey(cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = LABELS[cell.labels].values
    train, test, codes = journeys.rows_of(cell.way.takes, len(values))
    if cell.way.takes == "table":
        train = train[list(cell.way.columns)]
        test = test[list(cell.way.columns)]
    as_own = cell.held.own or cell.held.give
    own_train = as_own(train)
    own_test = as_own(test)
    setting = ESTIMATORS[cell.estimator]
    weights = None if setting.weights == "none" else np.where(codes == 1, 3.0, 0.5)
    own = journeys.fitted(cell, own_train, codes, weights)
    ids = IDS[cell.ids]
    arguments: dict[str, Any] = {} if setting.weights != "given" else {"sample_weight": weights}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        labels = journeys.labels_of(cell.labels, codes)
        if ids is not None:
            arguments["ids"] = ids(N_TRAIN)
        if cell.refused:
            with pytest.raises((ValueError, TypeError), match=cell.refused):
                rw.Workbench(own, cell.held.give(train), labels, cell.held.give(test), **arguments)
            return
        bench = rw.Workbench(own, cell.held.give(train), labels, cell.held.give(test), **arguments)
    told = [str(each.message) for each in said if issubclass(each.category, rw.AdoptionWarning)]
    assert len(told) == (bench.disagreement is not None)
    _check_predictions(bench, own, own_test)
    _check_names(bench, own, cell, (train, test))

    def refitted(edited: np.ndarray) -> Any:
        return journeys.fit_again(clone(own), cell, own_train, edited, weights)

    known_weights = setting.weights != "forgotten"  # else we could not know better, and have said so
    if not known_weights:
        assert told
    edited = codes.copy()
    for row in (0, 1):
        flip_set = bench.flip_set(row)
        assert flip_set.verified or flip_set.outcome != rw.Outcome.FOUND
        changed = codes.copy()
        changed[flip_set.rows] = [values.index(label) for label in flip_set.labels.tolist()]
        if flip_set.verified and known_weights:
            now = refitted(changed).predict(own_test)[row]
            assert now != own.predict(own_test)[row], flip_set
            assert now == flip_set.predicted_after
        if flip_set.found:
            edited = changed
    if (edited == codes).all():
        edited[:3] = (edited[:3] + 1) % len(values)
    rows = np.flatnonzero(edited != codes)
    bench.relabel(rows, None if len(values) == 2 else [values[code] for code in edited[rows]])
    _check_labels(bench, cell, codes, edited)
    if known_weights:
        _check_verification(bench, refitted(edited), own_test)
    _check_files(bench, cell, rows, tmp_path)


def _check_predictions(bench: rw.Workbench, own: Any, own_test: Any) -> None:
    table = bench.test_rows()
    assert (bench.classes == own.classes_).all()
    shown = np.ones(len(table), dtype=int)
    if len(bench.classes) > 2:
        shown = np.searchsorted(bench.classes, table["predicted"].to_numpy())
    assert_allclose(table["own_proba"], own.predict_proba(own_test)[np.arange(len(table)), shown], atol=1e-6)
    if bench.disagreement is None:
        assert (table["predicted"].to_numpy() == own.predict(own_test)).all()


def _check_names(bench: rw.Workbench, own: Any, cell: Cell, rows: tuple[Any, Any]) -> None:
    """Names are scikit-learn's where it has them; of words that two texts share, both have them."""
    names = bench.fit.feature_names
    try:
        known = own[:-1].get_feature_names_out().tolist()
    except (AttributeError, TypeError, ValueError):
        known = names
    assert names is None or names == known
    if not cell.way.words:
        return
    assert names is not None
    train, test = rows
    texts = (train["text"], test["text"]) if cell.way.takes == "table" else (train, test)
    either = set(texts[1][0].lower().split())
    for row, shared in zip((0, 1, 2), bench.common_words(0, [0, 1, 2]), strict=True):
        assert set(shared) <= either & set(list(texts[0])[row].lower().split())


def _check_labels(bench: rw.Workbench, cell: Cell, codes: np.ndarray, edited: np.ndarray) -> None:
    values = LABELS[cell.labels].values
    found = bench.labels()
    assert found.tolist() == [values[code] for code in edited]
    assert {type(label) for label in found.tolist()} == {type(values[0])}
    table = bench.corrected_labels()
    rows = np.flatnonzero(codes != edited)
    assert table["row"].tolist() == rows.tolist()
    assert table["original"].tolist() == [values[code] for code in codes[rows]]
    assert table["corrected"].tolist() == [values[code] for code in edited[rows]]


def _check_verification(bench: rw.Workbench, refitted: Any, own_test: Any) -> None:
    result = bench.verify()
    proba = refitted.predict_proba(own_test)
    if result.how != "minimiser":
        assert_allclose(result.proba_after, proba[:, 1] if len(bench.classes) == 2 else proba, atol=1e-6)
    assert (bench.classes[result.predicted_after] == refitted.predict(own_test)).all(), (result.proba_after, proba)
    assert result.how == "minimiser" or result.estimator is not None


def _check_files(bench: rw.Workbench, cell: Cell, rows: np.ndarray, folder: Path) -> None:
    bench.export(folder / "labels.csv")
    back = rw.read_labels(folder / "labels.csv")
    values = LABELS[cell.labels].values
    assert set(back["corrected"]) <= set(values)
    assert {type(label) for label in back["corrected"].tolist()} == {type(values[0])}
    ids = IDS[cell.ids]
    if ids is None:
        assert back["id"].tolist() == rows.tolist()
        return
    given = list(ids(N_TRAIN))
    wanted = [_plain(given[row]) for row in rows.tolist()]
    assert [_plain(each) for each in bench.corrected_labels()["id"]] == wanted
    assert back["id"].astype(str).tolist() == [str(each).replace(" ", "T") for each in wanted]


def _plain(value: Any) -> Any:
    if hasattr(value, "as_py"):
        return value.as_py()
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
