"""What is tried on a page before anybody decides: labels on top of the workbench's, of which nothing is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray
from ..arguments import as_rows
from ..monitor import Monitor
from ..workbench import Workbench
from ..workbench.summary import VerificationSummary

if TYPE_CHECKING:
    from ..evidence import Verification
    from ..workbench.findings import Forecast


class Trial:
    """The labels that one widget's pages try, and what retraining says of them; both end with the widget.

    Attributes
    ----------
    labels
        Training row to the label that is tried for it, which is not the one it has. Replaced, never changed.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self.labels: dict[int, Any] = {}
        self._result: tuple[Verification, AnyArray] | None = None

    def begin(self, rows: list[int], labels: list[Any], test_row: int | None) -> None:
        """Try these labels, one for each row, and no others.

        Where the label is None, a changed row gets its original one back, and others the one that
        `Workbench.suggested_labels` has for the test row.

        Raises
        ------
        ValueError, TypeError
            If there is no such row, or there are not as many labels as rows. The trial stays as it is then.
        """
        as_rows(rows, self._workbench.n_train, who="what_if: rows")
        if len(labels) != len(rows):
            raise ValueError(f"what_if: expected as many labels as rows ({len(rows)}), got {len(labels)}.")
        named = dict(zip(rows, labels, strict=True))
        open_rows = [row for row, label in named.items() if label is None]
        if open_rows:
            named.update(zip(open_rows, self._next_labels(open_rows, test_row), strict=True))
        self._result = None
        self.labels = self._different(named)

    def _next_labels(self, rows: list[int], test_row: int | None) -> list[Any]:
        fit, changed = self._workbench.fit, set(self._workbench.relabelled)
        original = fit.classes[fit.labels.original[rows]].tolist()
        suggested = self._workbench.suggested_labels(rows, test_row).tolist()
        return [old if row in changed else new for row, old, new in zip(rows, original, suggested, strict=True)]

    def leave_out(self, rows: list[int]) -> bool:
        """These rows were decided about and are no longer tried; whether any was."""
        left = {row: label for row, label in self.labels.items() if row not in rows}
        if left == self.labels:
            return False
        self._result = None
        self.labels = left
        return True

    def follow(self) -> None:
        """The labels of the workbench may have changed: what was tried on top of others is no longer known."""
        if self._result is not None and not np.array_equal(self._result[1], self._workbench.labels()):
            self._result = None
        self.labels = self._different(self.labels)

    def forget_result(self) -> None:
        """The threshold has moved."""
        self._result = None

    def _different(self, labels: dict[int, Any]) -> dict[int, Any]:
        """Those that are not the labels of the workbench anyway."""
        if not labels:
            return {}
        current = self._workbench.labels()[list(labels)].tolist()
        return {row: label for (row, label), now in zip(labels.items(), current, strict=True) if label != now}

    def verify(self, monitor: Monitor) -> Verification:
        """Retrain with them on top of the current labels, by `Workbench.what_if`; without any, `Workbench.verify`."""
        if not self.labels:
            return self._workbench.verify(monitor=monitor)
        tried, base, threshold = self.labels, self._workbench.labels(), self._workbench.threshold
        result = self._workbench.what_if(list(tried), list(tried.values()), monitor=monitor)
        same = np.array_equal(base, self._workbench.labels()) and threshold == self._workbench.threshold
        if same and tried == self.labels:
            self._result = result, base
        return result

    def forecast(self, test_row: int) -> Forecast:
        """What they and the relabelled rows do to a test row, to first order."""
        return self._workbench.forecast(test_row, list(self.labels), list(self.labels.values()))

    @property
    def verification(self) -> Verification | None:
        """What the page shows: of the trial while there is one, otherwise that of the workbench."""
        if not self.labels:
            return self._workbench.verification
        return None if self._result is None else self._result[0]

    def summary(self) -> VerificationSummary | None:
        """`verification` in numbers."""
        shown = self.verification
        return None if shown is None else self._workbench.verification_summary(shown)
