"""Charts with one look, shown in notebooks and saved to files without a network. Altair is imported lazily."""

from .files import save_chart
from .kinds import KINDS, draw
from .showing import Chart, finish
from .theme import altair, by_dash, by_fill, by_shape

__all__ = ["KINDS", "Chart", "altair", "by_dash", "by_fill", "by_shape", "draw", "finish", "save_chart"]
