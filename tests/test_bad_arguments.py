"""Every public callable, each argument in turn replaced by wrong things: it works, or ends in an error of ours."""

from __future__ import annotations

import datetime
import inspect
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from traitlets import TraitError

import relabel_widget as rw

ROOM = str(Path(rw.__file__).parent)
X = np.random.default_rng(0).normal(size=(12, 2))
Y = (X[:, 0] + 0.8 * X[:, 1] * X[:, 0] > 0).astype(int)
G = np.arange(12) % 2
OURS = (TypeError, ValueError, LookupError, OSError, ImportError, ArithmeticError, TraitError, rw.JournalError)

THINGS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "5": lambda: 5,
    "-1": lambda: -1,
    "0.5": lambda: 0.5,
    "nan": lambda: np.nan,
    "inf": lambda: np.inf,
    "text": lambda: "text",
    "bytes": lambda: b"bytes",
    "[]": list,
    "{}": dict,
    "set": lambda: {1, 2},
    "generator": lambda: (i for i in range(3)),
    "lambda": lambda: lambda: None,
    "class": lambda: int,
    "object": object,
    "complex": lambda: 1j,
    "datetime": lambda: datetime.datetime(2026, 1, 1),
    "matrix": lambda: X.view(np.matrix),
    "masked": lambda: np.ma.masked_array(X, X > 0),
    "objects": lambda: np.array([object(), "a", None], dtype=object),
    "another shape": lambda: np.ones((3, 3, 3)),
    "0-d": lambda: np.array(3.0),
    "huge": lambda: 10**30,
    "ragged": lambda: [[1.0, 2.0], [3.0]],
}

# Results that the functions return: made by the package alone. Signals and enumerations take whatever they carry.
MADE_BY_US = {
    "BayesFit",
    "AdoptionWarning",
    "Cancelled",
    "CheckingCurve",
    "CheckingOutlook",
    "DaskDesign",
    "Explanation",
    "Fit",
    "FlipSet",
    "GroupAudit",
    "ImportedDecisions",
    "JournalError",
    "NoiseAudit",
    "OneVsRest",
    "Outcome",
    "PagedTexts",
    "PairBound",
    "Progress",
    "RemainderBound",
    "Repair",
    "RepairExplanation",
    "RobustnessCurve",
    "StoreWarning",
    "TopInfluence",
    "Verification",
    "Budget",
}
# Arguments that start processes, or as many steps as they say: too long for this walk.
LONG = {"n_jobs", "probes", "resamples", "permutations"}


def entries(place: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """One valid call of each callable, by its name."""
    fit, query = rw.fit(X, Y), {"X_query": X[:3]}
    model, many = LogisticRegression().fit(X, Y), rw.fit_one_vs_rest(X, np.arange(12) % 3)
    three = rw.fit(X, np.arange(12) % 3)
    known = {"fit": fit, "X_known": X[:3], "y_known": Y[:3]}
    curve = rw.simulate_checking(fit, 1 - Y, checks=[2, 12])
    counts = np.round(np.abs(X) * 3)
    bayes = rw.adopt(MultinomialNB().fit(counts, Y), counts, Y)
    design = rw.write_design(place / "x.rlw", X)
    rw.write_texts(place / "x.rlwt", ["a", "b"])
    np.savez(place / "x.npz", a=1)
    (place / "x.svm").write_text("1 1:1\n0 2:1\n")
    bench = rw.Workbench(model, X, Y, X[:3], Y[:3])
    bound, pairs = rw.remainder_bound(fit), rw.pair_bound(fit)
    bench.flip_set(0)
    bench.relabel([0])
    bench.export(place / "x.csv")
    file = {"overwrite": True}
    found = {
        "Fit.design_of": (fit.design_of, {"X": X}),
        "Fit.query_of": (fit.query_of, {"x": X[0]}),
        "Fit.decision": (fit.decision, {"X": X}),
        "Fit.proba": (fit.proba, {"X": X}),
        "Fit.refit": (fit.refit, {"rows": [0]}),
        "BayesFit.proba": (bayes.proba, {"X": counts}),
        "BayesFit.query_of": (bayes.query_of, {"x": counts[0]}),
        "BayesFit.refit": (bayes.refit, {"rows": [0]}),
        "adopt of a naive Bayes": (rw.adopt, {"estimator": MultinomialNB().fit(counts, Y), "X": counts, "y": Y}),
        "find_flip_set of a naive Bayes": (rw.find_flip_set, {"fit": bayes, "x": counts[0]}),
        "relabel_influence of a naive Bayes": (rw.relabel_influence, {"fit": bayes, "X_query": counts}),
        "explain of a naive Bayes": (rw.explain, {"fit": bayes, "x": counts[0], "rows": [0]}),
        "group_audit of a naive Bayes": (
            rw.group_audit,
            {"fit": bayes, "X_query": counts[:3], "train_group": G, "resamples": 9},
        ),
        "top_influence of a naive Bayes": (rw.top_influence, {"fit": bayes, "X_query": counts, "k": 2}),
        "suspects of a naive Bayes": (rw.suspects, {"fit": bayes}),
        "verify of a naive Bayes": (rw.verify, {"fit": bayes, "rows": [0], "X_query": counts}),
        "OneVsRest.proba": (many.proba, {"X": X}) if hasattr(many, "proba") else None,
        "MappedDesign.check": (design.check, {}),
        "RemainderBound.lower_bound": (bound.lower_bound, {"x": X[0]}),
        "RemainderBound.lower_bounds": (bound.lower_bounds, query),
        "RemainderBound.with_edit": (bound.with_edit, {"edit": "remove"}),
        "PairBound.lower_bound": (pairs.lower_bound, {"x": X[0]}),
        "PairBound.lower_bounds": (pairs.lower_bounds, query),
        "Rate": (rw.Rate, {"rows": [0], "class_": 1, "at_least": 0.5}),
        "repair": (rw.repair, {"fit": fit, **query, "wanted": 1 - Y[:3], "keep": X[5:7], "cost": np.ones(12)}),
        "repair of three classes": (rw.repair, {"fit": three, **query, "wanted": [1, 2, 0]}),
        "repair of a rate": (rw.repair, {"fit": fit, **query, "wanted": rw.Rate([0, 1], 1, 1.0)}),
        "Repair.explain": (
            rw.repair(fit, X[:3], 1 - Y[:3]).explain,
            {"metadata": {"g": G}, "X_other": X, "y_other": Y},
        ),
        "RobustnessCurve.at": (rw.robustness_curve(fit, X[:3]).at, {"k": 1}),
        "Workbench.threshold": (lambda threshold: setattr(bench, "threshold", threshold), {"threshold": 0.5}),
        "adopt": (rw.adopt, {"estimator": model, "X": X, "y": Y}),
        "exhaustive_lower_bound": (rw.exhaustive_lower_bound, {"fit": fit, "x": X[0]}),
        "explain": (rw.explain, {"fit": fit, "x": X[0], "rows": [0]}),
        "find_flip_set": (rw.find_flip_set, {"fit": fit, "x": X[0]}),
        "fit": (rw.fit, {"X": X, "y": Y}),
        "fit_one_vs_rest": (rw.fit_one_vs_rest, {"X": X, "y": np.arange(12) % 3}),
        "group_audit": (rw.group_audit, {"fit": fit, **query, "train_group": G, "resamples": 9}),
        "noise_audit": (rw.noise_audit, {"groups": [(X, Y), (X, 1 - Y)], **query, "permutations": 19}),
        "npz_blocks": (rw.npz_blocks, {"paths": place / "x.npz"}),
        "open_design": (rw.open_design, {"path": place / "x.rlw"}),
        "MappedDesign": (rw.MappedDesign, {"path": place / "x.rlw"}),
        "Monitor": (rw.Monitor, {}),
        "open_texts": (rw.open_texts, {"path": place / "x.rlwt"}),
        "read_labels": (rw.read_labels, {"path": place / "x.csv"}),
        "save_chart": (rw.save_chart, {"chart": bench.chart("sizes"), "path": place / "c.html"}),
        "suspects": (rw.suspects, {"fit": fit}),
        "next_to_check": (rw.next_to_check, known),
        "checking_outlook": (rw.checking_outlook, known),
        "simulate_checking": (rw.simulate_checking, {"fit": fit, "truth": 1 - Y, "checks": [2]}),
        "CheckingCurve.at": (curve.at, {"checked": 1}),
        "CheckingCurve.checks_for": (curve.checks_for, {"share": 0.5}),
        "svmlight_blocks": (rw.svmlight_blocks, {"path": place / "x.svm", "n_features": 3}),
        "svmlight_labels": (rw.svmlight_labels, {"path": place / "x.svm", "n_features": 3}),
        "text_blocks": (rw.text_blocks, {"texts": ["a"], "vectoriser": HashingVectorizer()}),
        "write_design": (rw.write_design, {"path": place / "y.rlw", "blocks": X, **file}),
        "write_texts": (rw.write_texts, {"path": place / "y.rlwt", "texts": ["a"], **file}),
        "Fit.refit, three classes": (three.refit, {"rows": [0], "labels": [2]}),
        "verify, three classes": (rw.verify, {"fit": three, "rows": [0], "labels": [2], **query}),
        "top_influence, three classes": (rw.top_influence, {"fit": three, **query, "k": 2}),
        "exhaustive_lower_bound, three classes": (rw.exhaustive_lower_bound, {"fit": three, "x": X[0], "largest": 1}),
        "find_flip_set, three classes": (rw.find_flip_set, {"fit": three, "x": X[0]}),
        "verify": (rw.verify, {"fit": fit, "rows": [0], **query}),
        "dask_design": (rw.dask_design, {"source": []}),
        "RelabelWidget": (rw.RelabelWidget, {"workbench": bench}),
        "Workbench": (rw.Workbench, {"estimator": model, "train": X, "y_train": Y, "test": X[:3]}),
    }
    for name in (
        "single_relabel_table",
        "relabel_influence",
        "removal_influence",
        "find_flip_sets",
        "robustness_curve",
    ):
        found[name] = (getattr(rw, name), {"fit": fit, **query})
    found["top_influence"] = (rw.top_influence, {"fit": fit, **query, "k": 2})
    for name in ("leverages", "pair_bound", "pair_bound_cost", "remainder_bound", "remainder_bound_cost"):
        found[name] = (getattr(rw, name), {"fit": fit})
    for name, method in inspect.getmembers(bench, inspect.ismethod):
        if not name.startswith("_") and name not in ("close", "write_page"):  # the page writes its own through it
            found[f"Workbench.{name}"] = (method, _of_bench(name, place))
    several = rw.Workbench(three, X, np.arange(12) % 3, X[:3])
    several.relabel([0, 1], 2)
    for name in ("relabel", "set_relabelled", "suggested_labels", "influential_rows", "flip_set", "verify", "forecast"):
        found[f"Workbench.{name}, three classes"] = (getattr(several, name), _of_bench(name, place))
    return {name: call for name, call in found.items() if call is not None}


def _of_bench(name: str, place: Path) -> dict[str, Any]:
    given = {
        "relabelled": [0],
        "test_row": 0,
        "row": 0,
        "rows": [0],
        "train_row": 0,
        "kind": "sizes",
        "source": Y,
        "callback": print,
    }
    given["label"] = 1 - Y[0] if name == "reasons" else Y[0]
    names = inspect.signature(getattr(rw.Workbench, name)).parameters
    return {
        **{key: value for key, value in given.items() if key in names},
        **({"path": place / f"{name}.csv", "overwrite": True} if "path" in names else {}),
        **({"store": place / f"{name}.sqlite"} if "store" in names else {}),
    }


def wrong(call: Callable[..., Any], given: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What ends otherwise than it may: (argument, thing, how it ended)."""
    for argument, parameter in inspect.signature(call).parameters.items():
        if argument in LONG or parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        for thing, make in THINGS.items():
            try:
                call(**{**given, argument: make()})
            except OURS as error:
                frame = traceback.extract_tb(error.__traceback__)[-1]
                if not frame.filename.startswith(ROOM):
                    yield argument, thing, f"{type(error).__name__}: {error}"
            except Exception as error:
                yield argument, thing, f"{type(error).__name__}: {error}"


@pytest.mark.filterwarnings("ignore")
def test_wrong_things_end_in_our_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # "text" is a path
    found = [(name, *case) for name, (call, given) in entries(tmp_path).items() for case in wrong(call, given)]
    assert not found, "\n".join(f"{name}({argument}={thing}): {how[:150]}" for name, argument, thing, how in found)


def test_every_public_callable_is_walked(tmp_path: Path) -> None:
    assert set(rw.__all__) - MADE_BY_US - set(entries(tmp_path)) == set()
