"""The fewest relabels that set many predictions right at once, and what explains them.

What a repair must hold is a list of goals (`goals`): a query with a class, by itself, kept, or one of a quota. All
refits are made at their minimisers (`trials`). The search (`search`) plans by a linear forecast (`linear`): at a
refit, what each relabel moves each goal by; the cheapest cover of what is lacking is the next set to refit. Small
problems end in `exhaustion`, the user's own estimator is heard in `confirmation`, and `explaining` says which rows
serve which queries.
"""

from .explaining import RepairExplanation
from .finding import repair
from .goals import Rate
from .result import Repair

__all__ = ["Rate", "Repair", "RepairExplanation", "repair"]
