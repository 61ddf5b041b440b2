"""Proven lower bounds on the size of any set of training rows whose edit flips a query.

The remainder bound and the pair bound are for two classes, the logistic loss, and weights that stay with the rows.

The closed-box remainder bound
------------------------------
Rows i have weight s_i, label sign z_i, log-odds eta_i and curvature d_i = s_i p_i (1 - p_i); K = X H^-1 X' with the
intercept's column of ones in X and the penalties in H; K0 is K without its diagonal h. Edit a set S along t in [0, 1]:
relabelling adds ``t s_i z_i x_i . theta`` to the objective, removal takes away a share t of the row's weight. The
minimiser moves continuously, and the log-odds move by

(1)  ``delta = -K (beta on S, e(delta) elsewhere)``, ``e_i(x) = s_i (sigmoid(eta_i + x) - sigmoid(eta_i)) - d_i x``,

with ``beta_i = t s_i z_i + e_i`` for relabels, and ``t s_i (y_i - p_i) + (1 - t) e_i - t d_i delta_i`` for removals.
With ``x_j`` the sum of K_jl e_l over l outside S other than j, row j reads ``delta_j + h_j e_j(delta_j) = -(K0 beta)_j
- x_j`` outside S, and in S with its own force in place of its own remainder. The left side increases in delta_j, so
bounds on forces and on x_j imply boxes for delta_j, and boxes imply bounds on forces. Outside S ``|e_l| <= C_l
delta_l^2`` and ``c_l |delta_l| <= |K0 beta|_l + |x_l|``; by the triangle inequality in L2 with weights ``|K0_jl| w_l``,
``w = C / c^2``,

(2)  ``|x_j| <= (sum over S of b_i T_ji^.5 + V_j^.5)^2``, ``T_ji = sum_l |K0_jl| w_l K0_li^2``,

where b bounds |beta| and V_j bounds ``sum_l |K0_jl| w_l x_l^2``. Either each x_l takes its own bound, or (2) is
inserted for x_l, which keeps S the same for all l; by the triangle inequality in L4

(3)  ``V_j^.25 <= sum over S of b_i U_ji + (sum_l |K0_jl| w_l V_l^2)^.25``, ``U_ji = (sum_l |K0_jl| w_l T_li^2)^.25``.

Sums over sets S of at most k rows are at most the sum of the k largest terms. If this map takes a box around 0 strictly
into itself, the path cannot leave the box: at a first exit it would be inside the box's image. At t = 1, the signs of
forces are known and the boxes shrink further. The query moves towards the threshold by

(4)  ``gain = -sum over S of q_i beta_i - sum elsewhere of q_j e_j <= sum over S of G_i + |K0 beta + x|^2 in L2(om)``,

``q = X H^-1 x_query`` signed, G_i the largest of -q_i beta_i, ``om_j = [q_j]+ C-_j + [-q_j]+ C+_j`` over c_j^2 with
one-sided bounds C- and C+, since half of the remainders push the other way. The square is split as ``(1 + s) beta' W
beta + (1 + 1/s) |x|^2``, W = K0 diag(om) K0, and beta' W beta is at most a top-k sum of row shares that account for
pairs individually.

What is accounted for
---------------------
A bound is sound or it is 1. It allows for: the gradient of the fit and its rounding, through a bound on the norm of
H^-1, as an additional force; the factor's residual ``x - H v``, times a bound on how far theta moves; errors of K's
entries, up to 1e-6 sqrt(K_ii K_jj), which covers float32 and the factorisation (checked against conjugate gradients on
six rows, or refused), as an additional force on every row; float32 sums of n non-negative terms, by the factor
1 + 2 (n + 8) 2^-23; the ends of the boxes, by 1e-11. Rounding of float64 sums is covered because a gain within a
relative 1e-5 of the need counts as reaching it. This is careful floating point, not interval arithmetic.

The pair bound
--------------
Boxes have to hold for all sets at once, and at C = 1 a few rows with large effects keep them from closing even for one
row. Exact refits of single relabels need no boxes: let w_i be the minimiser after relabelling i, and
delta^i = X (w_i - w). For a set S let w* = w + sum over S of (w_i - w). With the labels of S relabelled, the
objective's gradient at w* is exactly ``X'q``,

(5)  ``q_l = sigma(eta_l + sum delta^i_l) - sigma(eta_l) - sum (sigma(eta_l + delta^i_l) - sigma(eta_l))`` times s_l:

terms linear in w cancel, including the penalty and the tilts of the relabels. So ``w_S - w* = -Ht^-1 X'q``, Ht = X' Dt
X + L the Hessian averaged between the two, and the query gains ``sum over S of g_i`` (the single gains, exact) and at
most

(6)  ``pull'q - pull'(Dt - D) X Ht^-1 X'q <= (F + P) E``, ``F^2 = sum_l d_l pull_l^2``, ``P^2 = sum_l pull_l^2 (Dt_l -
d_l)^2 / Dt_l``, ``E^2 = q' X Ht^-1 X' q <= sum_l q_l^2 / Dt_l``, since Dt^.5 X Ht^-1 X' Dt^.5 <= I.

For a pair ``|q_l| <= |delta^i_l delta^j_l| sup |sigma''|``: a product of two small numbers in all rows except those
near both. With ``|sigma''| <= sigma' <= d_l e^|x|`` and ``Dt_l >= d_l e^-(|delta^i_l| + |delta^j_l|) (1 - e^-r) / r``,
r bounding what is left, ``|x_l . (w_S - w*)|``, the sum over rows separates into i times j: E of all pairs is one
product of N^3. Rows i and j themselves, which move furthest, are treated separately, as |q_l| times the standard
deviation ``(x_l . Ht^-1 x_l)^.5``. That is at most Dt_l^-.5, and ``|x_l - c|^2 / l2 + sum_m pi_m^2 / Dt_m`` squared, c
the mean of rows with weights pi, so a free intercept costs nothing. P is the sum of a share of row i, one of row j
(``(Dt - d)^2 / Dt <= 4 d sinh(reach / 2)^2``) and one of r. r is E times the standard deviation: E is first assumed to
be below a cap. Let the tilt -X'q fade, so that the minimiser moves continuously from w* to w_S; if the resulting E is
below the cap, it cannot have exceeded it on the way. Energies above .3 are recomputed from the pair's own q, and pairs
still above .4 are refitted, once for all queries; pairs with ``g_i + g_j + (F + P) E_ij`` at least the need are
refitted for each query.

What failed or was left out
---------------------------
* Bounds on how the whole Hessian changes, as ``e^-r H <= Ht <= e^r H`` with r the largest displacement: the relabelled
  row alone moves by 2.3 (median; at most 9.8), a factor of 10, and the tails dominate. Weights for each row, with the
  relabelled rows treated separately, are what makes (6) useful.
* ``r <= E Dt_l^-.5`` alone: in rows with p (1 - p) of .002 it allows anything, and P explodes. The distance to the mean
  row, with the penalty, limits them.
* ``|x|`` in the norm of Ht^-1 in place of F + P: twice as large, since the penalty is in it. One P for all pairs: 1 on
  SST-2 before r adds to it, where a pair's own is .1 to .3.
* Keeping energies up to 1.5: from about .5 on r is so large that P is useless (30 to 100).
* Sets of three and more: (5) and (6) hold unchanged, with E at most the sum over pairs. For the sets found by the
  search, (6) was within 2 to 10 % of their gain up to size 3 and useless from size 8 on, where P grows with the set.
  What is missing is the treatment of close pairs within a set: each would be one unit with its own refit.
* Removal: (5) then has first-order terms, because removed rows j also remove their pull on i. Not implemented.
* The same from refits of pairs instead of single rows: 24 million refits.

For tiny data, `exhaustive_lower_bound` tries all sets instead and is exact.

Only this package makes N x N arrays.
"""

from .base import Bound
from .cost import BoundCost
from .exhaustive import exhaustive_lower_bound, exhaustive_refits, sets_of
from .pairs import PairBound, pair_bound, pair_bound_cost
from .remainder import RemainderBound, remainder_bound, remainder_bound_cost
from .small import SLACK, SmallProblem, small_refit_operations
from .small_classes import SmallClasses, small_classes_operations
from .small_rest import SmallRest

__all__ = [
    "SLACK",
    "Bound",
    "BoundCost",
    "PairBound",
    "RemainderBound",
    "SmallClasses",
    "SmallProblem",
    "SmallRest",
    "exhaustive_lower_bound",
    "exhaustive_refits",
    "pair_bound",
    "pair_bound_cost",
    "remainder_bound",
    "remainder_bound_cost",
    "sets_of",
    "small_classes_operations",
    "small_refit_operations",
]
