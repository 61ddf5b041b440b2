"""The numbers that a search can be tuned by, each with its reason and what breaks when it moves.

They were chosen on the texts, tables and images of ``tests/benchmarks/test_quality.py``; whoever moves one runs that
file, base against head. Numbers that a derivation fixes, and tolerances of rounding, stand where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..design import LARGE, Design

LESS = 1e-9  # what counts as closer to a flip (log-odds), and as cheaper: less is rounding, and a climb might go round
RANKING_RTOL = 1e-2  # a search re-ranks at every refit: only the paper's algorithm, which does not, needs all digits
_THOROUGH_UP_TO = 50_000  # stored values: a refit then takes about a millisecond


@dataclass(frozen=True)
class Effort:
    """How hard to look for a smaller set. More effort: smaller sets now and then, and more refits.

    Attributes
    ----------
    hope, hope_of_swaps
        One row fewer (``hope``), or swaps at the same size, are still tried if the best such set is forecast to be at
        most so many mean row effects short of a flip. At 0 sets stay a row too large; beyond 1 half of the refits find
        nothing.
    swaps
        Refits of swaps at one set before it counts as locally best.
    worst_swap
        Swaps forecast to be worse than now by more than this, in mean row effects, are not tried.
    pool
        Rows inside and as many outside of which swaps are made.
    pairwise
        Whether the two rows of a swap see each other in its forecast. On small tables 8 swaps ranked so found more
        than 60 ranked by each row's own effect, in a third of the refits. On texts, whose rows see little of each
        other, ranking pairs takes longer than the refits it spares: long documents' sets became a fiftieth smaller in
        one and a half times the time.
    small, starts
        Sets of up to ``small`` rows, where one row more or less matters most, get ``starts`` further starts.
    """

    hope: float
    hope_of_swaps: float
    swaps: int
    pool: int
    pairwise: bool
    small: int = 0
    starts: int = 0
    worst_swap: float = 0.1


_THOROUGH = Effort(hope=1.0, hope_of_swaps=0.6, swaps=8, pool=24, pairwise=True, small=8, starts=1)
_QUICK = Effort(hope=0.5, hope_of_swaps=0.3, swaps=4, pool=8, pairwise=False)
_QUICK_DENSE = replace(_QUICK, pool=24, pairwise=True)


@dataclass(frozen=True)
class Limits:
    """Ends of loops that rarely come to them, and how much is kept.

    Attributes
    ----------
    rerankings
        Of the rows of one size: by then the set repeats or flips, or it never will.
    widenings
        Of the set of all helpful rows.
    climbs
        Successful swaps from one start; each is a refit closer.
    newton_steps
        Of one refit; three are usual.
    kept_bytes, kept_least
        Refits that are kept: all where rows are few, the newest two where a refit is large. A search moves between
        neighbours, so that it comes back to the last ones.
    shortlist_least, shortlist_most
        Rows outside the set whose own response is worked out, which costs a pass over their stored values: twice as
        many as a flip is forecast to take, but at least and at most so many.
    """

    rerankings: int = 4
    widenings: int = 10
    climbs: int = 8
    newton_steps: int = 30
    kept_bytes: int = 2**26
    kept_least: int = 2
    shortlist_least: int = 16
    shortlist_most: int = 256


@dataclass(frozen=True)
class Accuracy:
    """How exactly refits and forecasts are worked out. Looser: fewer products, but more refits that settle nothing.

    Attributes
    ----------
    bounded
        Bound a quantity before computing it by a product with X. On large designs a pass over rows takes much less
        than a product. By size, not by storage: wherever X lies, the same sets are found.
    loosest_step, tightest_step
        Relative residuals to which a Newton step's system is solved. On large designs a step's own two products with X
        cost more than the iterations that a loose step spares.
    factor
        Relative residual of ``H^-1 x`` at a refit. It ranks rows and corrects margins: errors of second order.
    coupling
        The same for ``H^-1 x_i`` of a swap's two rows, of which quadratic forms are made, right to its square: a tenth.
    adjoint_drift
        Assumed error of the start's factor at the refit's end, as a share of the moves that are forecast; it shrinks
        with the gradient. Smaller, and the confirming refit contradicts the search; then all is done again.
    doubt_cap
        The factor's relative error is taken to be at most this.
    safety
        A sign is settled once the margin is so many times its last change.
    interaction
        Share of a forecast move that is allowed for what rows do to each other.
    certain
        Log-odds: a confirmation stops once its error is bounded by this. The error itself is mostly far less than its
        bound, hence the 1e-7 that is promised: an observation, not a proof.
    confirm_fully
        Run confirmations to the minimiser instead: where refits are cheap that costs next to nothing.
    """

    bounded: bool = False
    loosest_step: float = 0.7
    tightest_step: float = 0.05
    factor: float = 3e-2
    coupling: float = 0.3
    adjoint_drift: float = 0.3
    doubt_cap: float = 0.5
    safety: float = 2.0
    interaction: float = 0.25
    certain: float = 2e-7
    confirm_fully: bool = False


@dataclass(frozen=True)
class Settings:
    """The settings of one search.

    ``exact`` runs every refit to its minimiser and gives nothing up on a forecast: the second try, where the confirming
    refit contradicted the first.
    """

    effort: Effort
    accuracy: Accuracy
    limits: Limits = Limits()
    exact: bool = False


def settings_for(design: Design, n_classes: int = 2, *, smooth: bool = True) -> Settings:
    """Settings chosen by how long a refit on this design takes.

    Where the curvature jumps, so that the loss is not ``smooth``, nothing is bounded: bounds need a curvature that
    changes by a factor at most. What is confirmed is then followed to its minimiser.

    With several classes no gradient is bounded instead of computed, as the bounds are of one curvature a row; and the
    rows of a swap do not see each other, as a solve for each class of each takes longer than the refits that it spares.
    """
    if not smooth:
        found = settings_for(design, n_classes)
        return replace(found, accuracy=replace(found.accuracy, bounded=False, confirm_fully=True))
    if n_classes > 2:
        found = settings_for(design)
        return replace(
            found, effort=replace(found.effort, pairwise=False), accuracy=replace(found.accuracy, bounded=False)
        )
    accuracy = Accuracy(bounded=True, loosest_step=0.3) if design.n_stored >= LARGE else Accuracy()
    if design.n_stored <= _THOROUGH_UP_TO:
        return Settings(_THOROUGH, replace(accuracy, confirm_fully=True))
    dense = design.n_stored == design.n_rows * design.n_features
    return Settings(_QUICK_DENSE if dense else _QUICK, accuracy)
