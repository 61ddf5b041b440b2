"""What a person works on, without any display."""

from .workbench import Workbench

__all__ = ["Workbench"]
