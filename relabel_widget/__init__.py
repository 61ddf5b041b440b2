"""Which smallest set of training labels, had they been different, would have flipped this prediction?

Where to begin, by task; the help of each says what it takes and gives:

Take over a model
    ``adopt(estimator, X, y)``: a fitted scikit-learn classifier or pipeline.
    ``fit(X, y)``: a logistic regression of your own rows.
Understand one prediction
    ``find_flip_set(fit, x)``: a small set of training labels that would have flipped it.
    ``explain(fit, x, rows)``: each row's share of that change.
    ``verify(fit, rows, X_query)``: retrain on other labels, and compare predictions.
Find wrong labels
    ``suspects(fit)``: training labels that are probably wrong.
    ``next_to_check(fit, X_known, y_known)``: which labels to check first.
    ``noise_audit(groups, X_query, fit=fit)``: whether one vendor's labels are noisier.
Correct labels
    ``Workbench(estimator, X, y, X_test)``: decisions, retraining, reports and export, from code.
    ``RelabelWidget(workbench)``: the same in a notebook, with mouse or keyboard.

All public names are listed in ``__all__``. They are imported on first use, so that ``import relabel_widget``
itself is quick and needs neither scikit-learn nor a notebook.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .audit import (
        CheckingCurve,
        CheckingOutlook,
        GroupAudit,
        NoiseAudit,
        RobustnessCurve,
        checking_outlook,
        group_audit,
        next_to_check,
        noise_audit,
        robustness_curve,
        simulate_checking,
        suspects,
    )
    from .bayes import BayesFit
    from .bound import (
        PairBound,
        RemainderBound,
        exhaustive_lower_bound,
        pair_bound,
        pair_bound_cost,
        remainder_bound,
        remainder_bound_cost,
    )
    from .charts import save_chart
    from .design import (
        DaskDesign,
        MappedDesign,
        dask_design,
        npz_blocks,
        open_design,
        svmlight_blocks,
        svmlight_labels,
        text_blocks,
        write_design,
    )
    from .evidence import (
        Explanation,
        TopInfluence,
        Verification,
        explain,
        leverages,
        relabel_influence,
        removal_influence,
        single_relabel_table,
        top_influence,
        verify,
    )
    from .files.texts import PagedTexts, open_texts, write_texts
    from .fits import AdoptionWarning, Fit, OneVsRest, adopt, fit, fit_one_vs_rest
    from .journal import JournalError, StoreWarning
    from .monitor import Cancelled, Monitor, Progress
    from .outcome import Outcome
    from .repairs import Rate, Repair, RepairExplanation, repair
    from .search import Budget, FlipSet, find_flip_set, find_flip_sets
    from .widget import RelabelWidget
    from .workbench import Workbench
    from .workbench.exchange import ImportedDecisions
    from .workbench.export import read_labels

# A module never bears the name of a public function: importing it would put the module in that function's place.
_HOMES = {
    "AdoptionWarning": "fits",
    "adopt": "fits",
    "CheckingCurve": "audit",
    "CheckingOutlook": "audit",
    "GroupAudit": "audit",
    "NoiseAudit": "audit",
    "RobustnessCurve": "audit",
    "checking_outlook": "audit",
    "group_audit": "audit",
    "next_to_check": "audit",
    "noise_audit": "audit",
    "robustness_curve": "audit",
    "simulate_checking": "audit",
    "suspects": "audit",
    "BayesFit": "bayes",
    "PairBound": "bound",
    "RemainderBound": "bound",
    "exhaustive_lower_bound": "bound",
    "pair_bound": "bound",
    "pair_bound_cost": "bound",
    "remainder_bound": "bound",
    "remainder_bound_cost": "bound",
    "save_chart": "charts",
    "Explanation": "evidence",
    "explain": "evidence",
    "Fit": "fits",
    "fit": "fits",
    "ImportedDecisions": "workbench.exchange",
    "read_labels": "workbench.export",
    "relabel_influence": "evidence",
    "removal_influence": "evidence",
    "leverages": "evidence",
    "TopInfluence": "evidence",
    "top_influence": "evidence",
    "JournalError": "journal",
    "StoreWarning": "journal",
    "Cancelled": "monitor",
    "Monitor": "monitor",
    "Progress": "monitor",
    "OneVsRest": "fits",
    "fit_one_vs_rest": "fits",
    "Outcome": "outcome",
    "Budget": "search",
    "FlipSet": "search",
    "find_flip_set": "search",
    "find_flip_sets": "search",
    "Verification": "evidence",
    "single_relabel_table": "evidence",
    "verify": "evidence",
    "Rate": "repairs",
    "Repair": "repairs",
    "RepairExplanation": "repairs",
    "repair": "repairs",
    "RelabelWidget": "widget",
    "MappedDesign": "design",
    "open_design": "design",
    "write_design": "design",
    "text_blocks": "design",
    "npz_blocks": "design",
    "svmlight_blocks": "design",
    "svmlight_labels": "design",
    "DaskDesign": "design",
    "dask_design": "design",
    "PagedTexts": "files.texts",
    "open_texts": "files.texts",
    "write_texts": "files.texts",
    "Workbench": "workbench",
}

__all__ = [
    "AdoptionWarning",
    "BayesFit",
    "Budget",
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
    "MappedDesign",
    "Monitor",
    "NoiseAudit",
    "OneVsRest",
    "Outcome",
    "PagedTexts",
    "PairBound",
    "Progress",
    "Rate",
    "RelabelWidget",
    "RemainderBound",
    "Repair",
    "RepairExplanation",
    "RobustnessCurve",
    "StoreWarning",
    "TopInfluence",
    "Verification",
    "Workbench",
    "adopt",
    "checking_outlook",
    "dask_design",
    "exhaustive_lower_bound",
    "explain",
    "find_flip_set",
    "find_flip_sets",
    "fit",
    "fit_one_vs_rest",
    "group_audit",
    "leverages",
    "next_to_check",
    "noise_audit",
    "npz_blocks",
    "open_design",
    "open_texts",
    "pair_bound",
    "pair_bound_cost",
    "read_labels",
    "relabel_influence",
    "remainder_bound",
    "remainder_bound_cost",
    "removal_influence",
    "repair",
    "robustness_curve",
    "save_chart",
    "simulate_checking",
    "single_relabel_table",
    "suspects",
    "svmlight_blocks",
    "svmlight_labels",
    "text_blocks",
    "top_influence",
    "verify",
    "write_design",
    "write_texts",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
