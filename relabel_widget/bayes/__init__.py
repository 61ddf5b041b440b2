"""Naive Bayes: fits whose refits are exact, cost the query's words alone, and can be bounded from below.

The model is linear in a query, as all fits are, but there is no objective and no Hessian: its coefficients are
logarithms of counts. Relabelling a row moves what it adds to the counts from one class to another. Hence

- a score is a short sum of logarithms of sums over rows (`models`), and only the terms of one query are worked out
  (`terms`); what an edit does to them is `contest`;
- the gradient in the counts ranks all rows by one narrow product (`influence`);
- sets are searched by exact refits in closed form, some hundreds at a time (`local_search`);
- replacing every logarithm by a line gives a lower bound on the size of any set that flips (`relaxation`), and what
  that leaves open is tried set by set where it is little (`exhaustion`).

Ties: scikit-learn predicts the first of equal scores. Scores within 1e-9 of each other may fall either way there by the
order of summation, so that a set counts as a flip only if the new class leads by more (`contest.TIE`); lower bounds are
for such flips.

The room lies below `fits`, because `adopt` makes these fits, and above `problem`, of which it needs labels alone.
"""

from .adopting import bayes_fit, is_bayes
from .contest import Rules
from .finding import Finding, Found, contests_of, predicted_code, predicted_codes, predicted_set, rules_of
from .fitting import BayesFit, proba_of, scores_of
from .influence import bayes_influence, bayes_parts
from .local_search import Ledger
from .words import bayes_words

__all__ = [
    "BayesFit",
    "Finding",
    "Found",
    "Ledger",
    "Rules",
    "bayes_fit",
    "bayes_influence",
    "bayes_parts",
    "bayes_words",
    "contests_of",
    "is_bayes",
    "predicted_code",
    "predicted_codes",
    "predicted_set",
    "proba_of",
    "rules_of",
    "scores_of",
]
