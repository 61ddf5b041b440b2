"""What several people hold for the right label of a row, where they differ, and what is made of it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast, get_args

from ..journal import Kind, Mark, Said, State, holds

if TYPE_CHECKING:
    import pandas as pd

    from .._typing import CodeArray

T = TypeVar("T")

Policy: TypeAlias = Literal["latest", "majority", "adjudicated"]

Opinions: TypeAlias = Mapping[str, Said]
"""Annotator to the last thing that they said about a row, where that was an opinion. People without a name are one."""


def opinions(said: Iterable[Said]) -> dict[str, Said]:
    """What everybody's standing decisions about one row say is its right label; adjudications are no opinions."""
    last = {one.event.annotator: one for one in said if one.event.kind is not Kind.ADJUDICATE}
    return {annotator: one for annotator, one in last.items() if one.opinion is not None}


def adjudication(said: Iterable[Said]) -> Said | None:
    """The last adjudication of a row."""
    return next((one for one in reversed(list(said)) if one.event.kind is Kind.ADJUDICATE), None)


def conflicts(state: State) -> dict[int, list[Said]]:
    """Training rows that people decided differently, and that nobody adjudicated since, with what each of them said."""
    return Conflicts().of(state)


class Conflicts:
    """The conflicts of one state after another; rows about which nothing was said since are not looked at again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[Said, ...], list[Said]]] = {}

    def of(self, state: State) -> dict[int, list[Said]]:
        """What `conflicts` says of this one."""
        found = {}
        for row, said in state.standing.items():
            if row < 0 or len(said) < 2:
                continue
            known = self._known.get(row)
            if known is None or known[0] is not said:
                known = said, _in_conflict(said)
                self._known[row] = known
            if known[1]:
                found[row] = known[1]
        return dict(sorted(found.items()))


def _in_conflict(said: Sequence[Said]) -> list[Said]:
    """What people hold for right about one row, if they differ."""
    held, settled = opinions(said), adjudication(said)
    newest = max((one.event.seq for one in held.values()), default=0)
    if len({one.opinion for one in held.values()}) < 2 or (settled is not None and settled.event.seq >= newest):
        return []
    return sorted(held.values(), key=lambda one: one.event.seq)


class OfState(Generic[T]):
    """What follows from a state, worked out once for each."""

    def __init__(self, work_out: Callable[[State], T]) -> None:
        self._work_out = work_out
        self._known: tuple[State, T] | None = None

    def of(self, state: State) -> T:
        """What follows from this one."""
        known = self._known
        if known is None or known[0] is not state:
            known = state, self._work_out(state)
            self._known = known
        return known[1]


def check_policy(policy: Any) -> Policy:
    """Refuse another name than those of `Policy`.

    Raises
    ------
    ValueError
        If it is another.
    """
    if isinstance(policy, str) and policy in get_args(Policy):
        return cast("Policy", policy)
    raise ValueError(f"policy: expected one of {', '.join(get_args(Policy))}, got {policy!r}.")


def marks(state: State, original: CodeArray, policy: Policy) -> Mapping[int, Mark]:
    """Training rows whose label differs by a policy (`deciding`), as marks."""
    if policy == "latest":
        return state.overlay
    found = {}
    for row, chosen in deciding(state, original, policy).items():
        event = chosen.event
        found[row] = Mark(int(original[row]), chosen.label, event.annotator, event.note, event.time)
    return found


def deciding(state: State, original: CodeArray, policy: Policy) -> dict[int, Said]:
    """Training rows whose label differs by a policy, with the decision that it follows.

    Parameters
    ----------
    policy
        ``"latest"``: the newest decision about a row. ``"majority"``: the label that more people hold for right than
        any other; rows with a tie keep their original label, and adjudications do not count. ``"adjudicated"``: the
        last adjudication; where there is none, what everybody who decided agrees on.
    """
    if policy == "latest":
        return {row: state.standing[row][-1] for row in state.overlay}
    choose = _of_the_majority if policy == "majority" else _of_the_adjudicator
    found = {}
    for row, said in state.standing.items():
        chosen = choose([one for one in said if holds(one, row, original)])
        if chosen is not None and chosen.label != original[row]:
            found[row] = chosen
    return found


def _of_the_majority(said: Sequence[Said]) -> Said | None:
    held = opinions(said)
    votes = Counter(one.opinion for one in held.values()).most_common(2)
    if not votes or (len(votes) == 2 and votes[0][1] == votes[1][1]):
        return None
    return _newest(one for one in held.values() if one.opinion == votes[0][0])


def _of_the_adjudicator(said: Sequence[Said]) -> Said | None:
    settled, held = adjudication(said), opinions(said)
    if settled is not None or len({one.opinion for one in held.values()}) > 1:
        return settled
    return _newest(held.values())


def _newest(said: Iterable[Said]) -> Said | None:
    return max(said, key=lambda one: one.event.seq, default=None)


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far people who decided about the same training rows agree on their labels.

    Attributes
    ----------
    pairs
        A line for each two annotators with rows in common: ``first, second, n_rows, n_agreed, kappa``. ``kappa`` is
        Cohen's, 1 for full agreement, 0 for what chance would bring; missing where it is not defined, because both
        gave one and the same label to all rows.
    alpha
        Krippendorff's alpha for nominal labels, of everybody together; missing where it is not defined.
    n_rows
        Rows that at least two people decided about.
    """

    pairs: pd.DataFrame
    alpha: float
    n_rows: int


def agreement(state: State) -> Agreement:
    """The agreement of everybody's opinions. Unsure rows, adjudications and rows that are gone do not count."""
    import pandas as pd

    held = {row: opinions(said) for row, said in state.standing.items() if row >= 0}
    codes = {
        row: {who: one.opinion for who, one in each.items() if one.opinion is not None} for row, each in held.items()
    }
    people = sorted({who for each in codes.values() for who in each})
    lines = []
    for first, second in combinations(people, 2):
        both = [(each[first], each[second]) for each in codes.values() if first in each and second in each]
        if both:
            lines.append((first, second, len(both), sum(a == b for a, b in both), _kappa(both)))
    columns = ["first", "second", "n_rows", "n_agreed", "kappa"]
    shared = [list(each.values()) for each in codes.values() if len(each) > 1]
    return Agreement(pd.DataFrame(lines, columns=columns), krippendorff_alpha(shared), len(shared))


def _kappa(pairs: list[tuple[int, int]]) -> float:
    from sklearn.metrics import cohen_kappa_score

    if len({code for pair in pairs for code in pair}) == 1:
        return float("nan")  # scikit-learn warns and divides by zero
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(cohen_kappa_score(*zip(*pairs, strict=True)))


def krippendorff_alpha(units: Iterable[Sequence[int]]) -> float:
    """Krippendorff's alpha for nominal values: 1 less observed by expected disagreement.

    Parameters
    ----------
    units
        The values that each unit was given; units with fewer than two do not count.

    Notes
    -----
    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section D: with n_c values c in all, n of them,
    and n_uc in unit u of m_u values, alpha is ``1 - (n - 1) * sum_u sum_c n_uc (m_u - n_uc) / (m_u - 1)`` divided by
    ``sum_c n_c (n - n_c)``. NaN where all values are alike.
    """
    totals: Counter[int] = Counter()
    observed = 0.0
    for values in units:
        if len(values) < 2:
            continue
        counts = Counter(values)
        totals.update(counts)
        observed += sum(number * (len(values) - number) for number in counts.values()) / (len(values) - 1)
    n = sum(totals.values())
    expected = sum(number * (n - number) for number in totals.values())
    return 1 - (n - 1) * observed / expected if expected else float("nan")
