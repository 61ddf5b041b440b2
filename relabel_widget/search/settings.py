"""Every number that a search can be tuned by, with its reason and what breaks when it moves.

Numbers that a derivation fixes stand where it is made. Those below were chosen on the texts, tables and images of
``tests/benchmarks/test_quality.py``; whoever moves one runs that file, base against head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..design import LARGE, Design

_CHEAP_REFITS = 50_000  # stored values: up to so many a refit takes about a millisecond


@dataclass(frozen=True)
class Effort:
    """How hard to look for a smaller set. More effort: smaller sets now and then, and more refits.

    Attributes
    ----------
    hope, hope_of_swaps
        How far from a flip the best set of one row fewer, or of the same size, may be forecast for refits to be worth
        it; in multiples of the mean effect of a row. At 0 sets stay a row too large, at 1 half of the refits find
        nothing.
    swaps
        Refits of swaps at one set before it counts as locally best.
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


_THOROUGH = Effort(hope=1.0, hope_of_swaps=0.6, swaps=8, pool=24, pairwise=True, small=8, starts=1)
_QUICK = Effort(hope=0.5, hope_of_swaps=0.3, swaps=4, pool=8, pairwise=False)
_QUICK_DENSE = replace(_QUICK, pool=24, pairwise=True)


@dataclass(frozen=True)
class Limits:
    """Ends of loops that rarely come to them."""

    rerankings: int = 4  # of the rows of one size: the set repeats or flips by then, or never
    widenings: int = 10  # of the set of all helpful rows
    climbs: int = 8  # successful swaps from one start; each is a refit closer
    newton_steps: int = 30
    refits_bytes: int = 2**26  # of refits that are kept: all where rows are few ...
    refits_least: int = 2  # ... the newest two where a refit is large: a search moves between neighbours
    shortlist_least: int = 16  # rows outside the set whose own response is worked out,
    shortlist_most: int = 256  # which costs a pass over their stored values


@dataclass(frozen=True)
class Accuracy:
    """How exactly refits and forecasts are worked out. Looser: fewer products, more refits that settle nothing.

    Attributes
    ----------
    exact
        Run every refit to the minimiser and forecast nothing: the second try where the confirming refit contradicted
        a decision.
    bounded
        Try a bound before a product is made: on large designs a pass over rows takes much less than a product. By
        size, not by storage: wherever X lies, the same sets are found.
    loosest_step, tightest_step
        Relative residuals to which a Newton step's system is solved. On large designs the Hessian's product is one
        sweep, and a step's own two products with X cost more than the iterations that a loose step spares.
    factor
        Relative residual of ``H^-1 x`` at a refit. It ranks rows and corrects margins, with an error of second order.
    coupling
        The same for the leverages of a swap's two rows: an energy, which is then right to a tenth.
    reach
        Of the moves that a refit makes: how far the factor at its start may be from that at its end.
    doubt_by_norm
        The same, of the bound by Cauchy and Schwarz.
    safety
        A margin decides once it is so many times its last change.
    others
        Of the move that is forecast of a row: what rows do to each other.
    certain
        Log-odds to which a confirmation is followed, by a bound that is seldom reached: 1e-7 is promised.
    """

    exact: bool = False
    bounded: bool = False
    loosest_step: float = 0.7
    tightest_step: float = 0.05
    factor: float = 3e-2
    coupling: float = 0.3
    reach: float = 0.3
    doubt_by_norm: float = 0.5
    safety: float = 2.0
    others: float = 0.25
    certain: float = 2e-7


@dataclass(frozen=True)
class Settings:
    """The settings of one search."""

    effort: Effort
    accuracy: Accuracy
    limits: Limits = Limits()

    def exactly(self) -> Settings:
        """The same with every refit run to the minimiser."""
        return replace(self, accuracy=replace(self.accuracy, exact=True))


def settings_for(design: Design) -> Settings:
    """Settings where a refit on this design takes as long as it takes."""
    large = design.n_stored >= LARGE
    accuracy = Accuracy(bounded=True, loosest_step=0.3) if large else Accuracy()
    if design.n_stored <= _CHEAP_REFITS:
        return Settings(_THOROUGH, accuracy)
    dense = design.n_stored == design.n_rows * design.n_features
    return Settings(_QUICK_DENSE if dense else _QUICK, accuracy)
