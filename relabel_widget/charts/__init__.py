"""Charts: one look, shown in notebooks and written to files without a network. Altair is imported where it is used."""

from .files import save_chart
from .kinds import KINDS, draw
from .showing import Chart, finish
from .theme import altair, by_dash, by_fill, by_shape

__all__ = ["KINDS", "Chart", "altair", "by_dash", "by_fill", "by_shape", "draw", "finish", "save_chart"]
