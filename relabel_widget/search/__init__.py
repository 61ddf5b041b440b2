"""Small sets of training rows whose edit flips a prediction, each confirmed by a refit.

The question (`question.Question`) is which edits move a linear functional of the parameters past an offset. Relabelling
a set S adds a tilt ``u_S . theta`` to a strictly convex objective; removing it takes losses away, of gradient ``-u_S``
at the fit. Either way ``theta_S - theta = -Hbar^-1 u_S`` exactly, Hbar the edited objective's Hessian, averaged along
the path. (With the squared hinge and the modified Huber loss a relabel is no tilt; u_S is then its gradient at the
fit.) Hbar is unknown until the refit is done, so the search alternates between forecasts and refits. A forecast
ranks sets and gives some up; a flip is only ever claimed after a refit.

**At a refit** (`refit.Refit`) one linear system, whose solution ``H^-1 functional`` is called the *factor*, gives every
row's first-order *gain*. For the rows that rank first the row's own share of the path is then taken exactly
(`row_edit`): one row moving on a quadratic, which is most of what first order misses. Gains so corrected are *effects*;
a forecast adds them up (`forecasts`).

**A refit** (`refits`) runs Newton's method from a near refit. An adjoint correction, factor times gradient, removes the
first-order error of an unconverged point. What may be left is the *doubt*; the refit stops once the margin exceeds it.

**The local search** (`local_search`) first brackets the size: at each size the model is refitted with the rows of
largest effect edited, and the rows are ranked again there, until the set repeats or flips. Then rows are dropped and
swapped, as in local search for knapsack covers, until no row can be left out and none of the most promising swaps
lowers the margin. The paper's Algorithm 1 (`first_order`), a prefix of the first ranking, is tried as well.

**The result** (`find`) is refitted once more, to 1e-7 log-odds, by the same Newton loop with a tighter stopping rule.
If that does not confirm the flip, the search is run again with every refit taken to its minimiser. Then all smaller
sets are tried, size by size, while that is cheap (`exhaustion`): that raises ``lower_bound``, or finds a smaller set.
Bounds that the caller has raise it as well (`proof`). A set that the user's own estimator could contradict is confirmed
by refitting that one (`confirmation`).

With several classes one such question is posed for each rival class (`rivals`). Of ridge regression, where effects add
up, the shortest prefix of the ranking is the minimum (`additive`). A naive Bayes has a search of its own (`bayes`).

The numbers that the search can be tuned by are in `settings`.

Sources: Yang, Xu and Yu, "Relabeling Minimal Training Subset to Flip a Prediction" (EACL Findings 2024), for the
question and Algorithm 1; Giles and Süli, "Adjoint methods for PDEs" (2002), for the correction. Ranking by the
trapezoidal rule, gains averaged over start and refit, takes all of the path to second order, but gave larger sets on
seven problems of seven: on long documents 10.8 rows instead of 8.2.
"""

from .find import find_flip_set, find_flip_sets
from .flip_set import Budget, FlipSet, check_flip_sets

__all__ = ["Budget", "FlipSet", "check_flip_sets", "find_flip_set", "find_flip_sets"]
