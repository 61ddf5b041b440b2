"""What an order of checking would repair: labels are checked one after another against a known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .._typing import CodeArray, IntArray
from ..arguments import as_array, as_rows, as_whole, check_monitor, shown
from ..fits import Fit, check_any_fit
from ..monitor import Monitor, shows_progress
from ..problem import codes_of_queries
from .checking import as_known, next_to_check
from .mislabelled import suspects
from .worth import Known, mean_loss

if TYPE_CHECKING:
    import pandas as pd

Order: TypeAlias = str | Callable[..., Any] | Iterable[int]

NAMES = ("next_to_check", "suspects", "random")
_STEP, _MOST = 50, 800


@dataclass(frozen=True, eq=False)
class CheckingCurve:
    """Repaired damage against labels checked, for one order of checking.

    Attributes
    ----------
    table
        A line for each number of checks, from 0: ``checked, found`` (wrong labels among them), ``loss`` (mean log-loss
        of the judging rows, or the fit's own loss if that is another, after a refit with the corrected labels) and
        ``repaired``, the share of the damage that is gone. The damage is the loss at the original labels less that at
        the true ones.
    clean_loss
        The loss at the true labels.
    wrong
        Wrong labels in all.
    name
        What the order is called.
    """

    table: pd.DataFrame
    clean_loss: float
    wrong: int
    name: str

    def at(self, checked: int) -> float:
        """The share that is repaired after so many checks, linear between the lines of the table."""
        checked = as_whole(checked, 0, who="CheckingCurve.at: checked")
        most = int(self.table["checked"].iloc[-1])
        if checked > most:
            raise ValueError(f"CheckingCurve.at: expected at most the {most} labels that were checked, got {checked}.")
        return float(np.interp(checked, self.table["checked"], self.table["repaired"]))

    def checks_for(self, share: float) -> float:
        """How many checks repair this share of the damage for good, linear between lines; NaN if none of these do."""
        if isinstance(share, bool) or not isinstance(share, (int, float, np.number)) or not 0 < share <= 1:
            raise ValueError(f"CheckingCurve.checks_for: expected a share above 0 and at most 1, got {shown(share)}.")
        checked, repaired = self.table["checked"].to_numpy(), self.table["repaired"].to_numpy()
        short = np.flatnonzero(repaired < share)
        if not len(short):
            return 0.0
        last = int(short[-1])
        if last + 1 == len(checked):
            return float("nan")
        part = (share - repaired[last]) / (repaired[last + 1] - repaired[last])
        return float(checked[last] + part * (checked[last + 1] - checked[last]))

    def chart(self, *others: CheckingCurve) -> Any:
        """An Altair chart of this curve, and of others beside it; five at most."""
        from .pictures import checking_picture

        for other in others:
            if not isinstance(other, CheckingCurve):
                raise TypeError(f"CheckingCurve.chart: expected CheckingCurves, got {shown(other)}.")
        return checking_picture([self, *others])

    def __repr__(self) -> str:
        last = self.table.iloc[-1]
        return (
            f"CheckingCurve({self.name}: {last['found']:.0f} of {self.wrong} wrong labels found and "
            f"{last['repaired']:.0%} of the damage repaired after {last['checked']:.0f} checks)"
        )


@shows_progress
def simulate_checking(
    fit: Fit,
    truth: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    order: Any = "next_to_check",
    checks: Any = None,
    monitor: Monitor | None = None,
) -> CheckingCurve:
    """How much of the damage by wrong labels is repaired when they are checked in some order.

    Parameters
    ----------
    fit
        A fit on the original labels, of two classes or more.
    truth
        The true label of each training row, (n_rows,), which answers.
    X_test, y_test
        Rows whose true class is known, and their classes. A random half of them (seed 0) is what the order may know,
        the other half judges. Without them the order knows none, and the training rows with their true labels judge.
    order
        ``"next_to_check"``, ``"suspects"`` or ``"random"``; training rows, those to check first in front; or a function
        of the fit and the answers so far (a dict from rows to true labels) that returns rows or a frame with a column
        ``row``. The function is asked again at each number of checks; rows that were checked are skipped.
    checks
        The numbers of checks after which the model is refitted and the order asked again; 50, 100, ... 800 if None.
        Numbers beyond the training rows are left out.

    Returns
    -------
    CheckingCurve

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, no label is wrong, the true labels do not have the lower loss, or the order
        runs out of rows.
    ArithmeticError
        If conjugate gradients do not converge.
    Cancelled
        If ``monitor`` was cancelled.

    Notes
    -----
    Cost: a refit for each number of checks, and what the order costs.
    """
    check_any_fit(fit, who="simulate_checking")
    check_monitor(monitor, who="simulate_checking")
    codes = codes_of_queries(truth, fit.n_rows, who="simulate_checking: truth", classes=fit.classes).astype(np.int64)
    wrong = codes != fit.problem.labels.codes
    known, judge = _halves(fit, X_test, y_test, codes.astype(fit.problem.labels.codes.dtype))
    numbers = _numbers(checks, fit.n_rows)
    if not wrong.any():
        raise ValueError(
            "simulate_checking: expected some labels that differ from truth, got none. Fit the model on the labels "
            "with their errors."
        )
    name, ask = _asked(fit, order, known, monitor)
    if monitor is not None:
        monitor.step("checking labels", 0, numbers[-1])
    before, clean = judge(fit), judge(_corrected(fit, np.flatnonzero(wrong), codes, fit, monitor))
    if not clean < before:
        raise ValueError(
            f"simulate_checking: expected a lower loss with the true labels, got {clean:.4g} instead of {before:.4g}: "
            "there is no damage to repair. Judge by more rows."
        )
    done, lines, current = np.empty(0, dtype=np.int64), [(0, 0, before, 0.0)], fit
    for number in numbers:
        answers = dict(zip(done.tolist(), fit.classes[codes[done]].tolist(), strict=True))
        ranked = _rows_of(ask(answers), fit.n_rows)
        coming = ranked[~np.isin(ranked, done)][: number - len(done)]
        if len(done) + len(coming) < number:
            raise ValueError(
                f"simulate_checking: expected at least {number} rows in the order, got {len(done) + len(coming)}. "
                "Order more rows, or pass smaller numbers as checks."
            )
        done = np.concatenate([done, coming])
        found = done[wrong[done]]
        current = _corrected(fit, found, codes, current, monitor)
        loss = judge(current)
        lines.append((number, len(found), loss, (before - loss) / (before - clean)))
        if monitor is not None:
            monitor.step("checking labels", number, numbers[-1])
    import pandas as pd

    table = pd.DataFrame(lines, columns=["checked", "found", "loss", "repaired"])
    return CheckingCurve(table, clean, int(wrong.sum()), name)


def _corrected(fit: Fit, rows: IntArray, codes: IntArray, near: Fit, monitor: Monitor | None) -> Fit:
    if not len(rows):
        return fit
    return fit.refit(rows, labels=fit.classes[codes[rows]], start=near.theta, monitor=monitor)


def _halves(fit: Fit, X_test: Any, y_test: Any, truth: CodeArray) -> tuple[Any, Callable[[Fit], float]]:
    """What the order may know, as arguments of `next_to_check`, and the loss of a fit by the judging rows."""
    test = as_known(fit, X_test, y_test, who="simulate_checking", names=("X_test", "y_test"))
    if test is None:
        training = Known(fit.problem.design, truth)
        return (None, None), lambda model: mean_loss(model, training)
    m = test.design.n_rows
    if m < 2:
        raise ValueError(f"simulate_checking: expected at least two test rows, got {m}.")
    mixed = np.random.default_rng(0).permutation(m)
    first, second = np.sort(mixed[: m // 2]), np.sort(mixed[m // 2 :])
    judges = Known(test.design.take(second), test.codes[second])
    known = test.design.take(first), fit.classes[test.codes[first]]
    return known, lambda model: mean_loss(model, judges)


def _numbers(checks: Any, n_rows: int) -> list[int]:
    given = range(_STEP, _MOST + 1, _STEP) if checks is None else as_array(checks, who="simulate_checking: checks")
    numbers = [as_whole(each, 1, who="simulate_checking: checks") for each in np.atleast_1d(given).tolist()]
    if not numbers or sorted(set(numbers)) != numbers:
        raise ValueError(f"simulate_checking: expected checks as rising whole numbers, got {shown(checks)}.")
    return [number for number in numbers if number <= n_rows] or [n_rows]


def _asked(fit: Fit, order: Any, known: Any, monitor: Monitor | None) -> tuple[str, Callable[[Mapping[int, Any]], Any]]:
    """The name of an order, and what gives its rows from the answers so far."""
    if isinstance(order, str):
        if order not in NAMES:
            raise ValueError(
                f"simulate_checking: expected order to be one of {', '.join(map(repr, NAMES))}, rows or a function, "
                f"got {shown(order)}."
            )
        if order == "random":
            mixed = np.random.default_rng(0).permutation(fit.n_rows)
            return order, lambda _: mixed
        if order == "suspects":
            return order, lambda answers: suspects(fit, decisions=answers, monitor=monitor)
        return order, lambda answers: next_to_check(fit, *known, decisions=answers, monitor=monitor)
    if callable(order):
        return getattr(order, "__name__", "an order"), lambda answers: order(fit, answers)
    rows = _rows_of(order, fit.n_rows)
    return "an order", lambda _: rows


def _rows_of(ranked: Any, n_rows: int) -> IntArray:
    rows = ranked["row"] if hasattr(ranked, "columns") and "row" in ranked.columns else ranked
    return as_rows(rows, n_rows, who="simulate_checking: order")
