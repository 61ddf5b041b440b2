"""One decision that somebody contests, at one moment: what there is to say of it, and the sentence that says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..facts import plural
from ..files.html import Markup, join, tag
from ..outcome import Outcome
from .report import Report
from .retraining import Retraining
from .test_rows import Queries, of_class, predicted_codes

if TYPE_CHECKING:
    import pandas as pd

    from ..evidence import Verification
    from ..search import FlipSet


@dataclass(frozen=True, eq=False)
class Change:
    """What one test row was predicted, and is by a refit.

    Attributes
    ----------
    before, after
        The predicted classes.
    proba_before, proba_after
        The probabilities of the class before.
    """

    before: Any
    after: Any
    proba_before: float
    proba_after: float

    @classmethod
    def of(cls, result: Verification, place: int, classes: Any) -> Self:
        """Of one of the rows that were asked about."""
        code = result.predicted_before[place : place + 1]
        proba = [of_class(each[place : place + 1], code)[0] for each in (result.proba_before, result.proba_after)]
        if len(classes) == 2 and not code[0]:
            proba = [1 - each for each in proba]
        names = classes[code[0]], classes[result.predicted_after[place]]
        return cls(*names, *map(float, proba))


@dataclass(frozen=True, eq=False)
class Contest:
    """One decision with its flip set, beside the rest of a workbench.

    Attributes
    ----------
    report
        The workbench at that moment.
    row, found
        The test row, and its flip set.
    target
        The class that the set was to flip to, where there are more than two; None: any other.
    said
        What the estimator as it was given predicts for it: by a `Fit`, what that predicts.
    by_set
        What a refit with the set relabelled says, made once more for the page; None where the set was not verified.
    decisions
        As `Workbench.decisions` has them.
    retrained, trouble
        What retraining on the corrected labels says of the row; or why that is not known, if labels are corrected.
    """

    report: Report
    row: int
    found: FlipSet
    target: Any
    said: Any
    by_set: Change | None
    decisions: pd.DataFrame
    retrained: Verification | None
    trouble: str

    @classmethod
    def of(
        cls, report: Report, asked: tuple[int, Any], queries: Queries, decisions: pd.DataFrame, retraining: Retraining
    ) -> Self:
        """Of a report that has the row's flip set; ``asked`` is that row, and the target.

        Cost: a refit with the set, and one with the corrected labels.
        """
        from ..evidence import verify

        row, target = asked
        fit, found, threshold = report.fit, report.flip_sets[row], retraining.threshold
        if len(fit.classes) == 2:
            target = None
        decision = queries.decision if queries.own_decision is None else queries.own_decision
        said = fit.classes[predicted_codes(decision[row : row + 1], threshold)[0]]
        by_set = None
        if found.verified and found.confirmed_by is not None:
            query, how = queries.asked(row), found.confirmed_by
            result = verify(fit, found.rows, query, labels=found.labels, threshold=threshold, how=how)
            by_set = Change.of(result, 0, fit.classes)
        retrained, trouble = report.verification, ""
        if retrained is None and retraining.labels:
            try:
                retrained = retraining.result(None)
            except ValueError as error:
                trouble = str(error)
        return cls(report, row, found, target, said, by_set, decisions, retrained, trouble)

    @property
    def classes(self) -> Any:
        """The class labels."""
        return self.report.fit.classes

    @property
    def line(self) -> Any:
        """The line of `Workbench.test_rows`."""
        return self.report.tests.iloc[self.row]

    @property
    def stopped_early(self) -> bool:
        """Whether the estimator says something else than the model that the set is about."""
        about = self.line["predicted"] if self.by_set is None else self.by_set.before
        return bool(self.said != about)

    @property
    def now(self) -> Change | None:
        """What retraining on the corrected labels says of the row."""
        return None if self.retrained is None else Change.of(self.retrained, self.row, self.classes)


def sentence(contest: Contest) -> Markup:
    """What was decided, and what would have changed it."""
    opening = join("The system said ", tag("b", contest.said), ".")
    if contest.stopped_early:
        opening = join(
            opening, " Trained until nothing improves, it would say ", tag("b", contest.line["predicted"]), "."
        )
    return join(opening, " ", _had_they_been(contest))


def _had_they_been(contest: Contest) -> Markup:
    found, by_set = contest.found, contest.by_set
    size = found.size
    these = "this one example" if size == 1 else f"these {size:,} examples"
    if by_set is not None:
        return join("It would have said ", tag("b", by_set.after), f" had {these} been labelled otherwise.")
    aim = "changed that" if contest.target is None else join("made it say ", tag("b", contest.target))
    if found.outcome is Outcome.PREDICTED:
        return join(f"{_ESTIMATE} other labels of {these} would have ", aim, ".")
    if found.outcome in _UNCONFIRMED:
        computed = f"By our computation, other labels of {plural(size, 'example')} would have "
        return join(computed, aim, f"; the system itself {_UNCONFIRMED[found.outcome]}.")
    return _nothing_found(found.outcome, join("would have ", aim))


def _nothing_found(outcome: Outcome, would_have: Markup) -> Markup:
    if outcome is Outcome.ALREADY:
        return join("That is the answer that was asked for, so there is nothing to change.")
    if outcome is Outcome.CANNOT_FLIP:
        return join("No other labels of its examples ", would_have, ".")
    if outcome is Outcome.NOT_PREDICTED:
        return join(f"{_ESTIMATE} no other labels of its examples ", would_have, ".")
    found = "No examples were found whose labels, had they been others, "
    return join(found, would_have, ". This does not prove that there are none.")


_ESTIMATE = "By an estimate, which no retraining has checked,"
_UNCONFIRMED = {
    Outcome.CONTRADICTED: "was retrained on them and did not confirm it",
    Outcome.UNCONFIRMED: "could not be retrained to confirm it",
}
