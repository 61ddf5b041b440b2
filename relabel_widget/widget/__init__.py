"""The page a person works on: an anywidget over a `Workbench`, which holds all there is to know."""

from ._widget import RelabelWidget

__all__ = ["RelabelWidget"]
