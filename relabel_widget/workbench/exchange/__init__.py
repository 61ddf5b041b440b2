"""Decisions in and out: exports with their provenance, and imports that name what they would change.

`facade` is the part of `Workbench`. Out: `provenance` makes the table, `writing` the files of other tools. In:
`sources` reads files (`label_studio`, `doccano`) and arrays into `lines`, `matching` finds their rows, `importing`
says what each of them would do.
"""

from .facade import Exchange
from .importing import ImportedDecisions

__all__ = ["Exchange", "ImportedDecisions"]
