"""The paper's Algorithm 1 as its published script behaves, with and without what its shared label array does.

Behaviour read off the script (github.com/ecielyang/Relabeling), stated anew on our solvers: the Hessian penalises the
intercept, the fit does not; each test row's set is swapped in one shared label array that is never restored, so that
the refit meant to check a row sees the labels of all rows before it swapped too. Fits are exact here, not at
scikit-learn's default tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import logit

import relabel_widget as rw
from relabel_widget.question import Question
from relabel_widget.search.first_order import first_order_set
from relabel_widget.solver import Jacobi, solve_many


@dataclass(frozen=True)
class Outcome:
    """Per query: size of the set (NaN if none); whether a refit flips with earlier swaps left in, and without."""

    sizes: np.ndarray
    as_published: np.ndarray
    fresh: np.ndarray


def published(fit: rw.Fit, queries: Any, threshold: float) -> Outcome:
    cut, design = float(logit(threshold)), fit.design_of(queries)
    problem = replace(fit.problem, intercept_l2=fit.problem.l2)
    hessian = problem.hessian(fit.eta)
    solved = solve_many(hessian, problem.extended_rows(design), rtol=1e-9, preconditioner=Jacobi.of(hessian)).x
    eta_directions = problem.eta(solved)
    swapped, last = np.empty(0, dtype=np.int64), fit.theta
    sizes, as_published, fresh = [], [], []
    for t, functional in enumerate(problem.extended_rows(design).T):
        question = Question(fit, functional, cut, "relabel", np.arange(fit.n_rows))
        rows = first_order_set(question, question.gains(fit.eta, eta_directions[:, t]))
        if rows is None:
            sizes.append(np.nan)
            as_published.append(False)
            fresh.append(False)
            continue
        one = design.take(np.array([t]))
        swapped = np.setxor1d(swapped, rows)
        left = fit.refit(swapped, start=last)
        last = left.theta
        sizes.append(len(rows))
        as_published.append((left.decision(one)[0] > cut) != (question.value > 0))
        fresh.append((fit.refit(np.sort(rows)).decision(one)[0] > cut) != (question.value > 0))
    return Outcome(np.array(sizes), np.array(as_published), np.array(fresh))
