"""Charts in a notebook, shown without a network."""

from __future__ import annotations

import base64
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, cast

from .drawable import drawable
from .files import ENDINGS, picture, save_chart
from .theme import altair, merged, neutral

Chart = Any  # altair publishes its charts' types, but is not there for everyone who checks ours

# JupyterLab 4 and Notebook 7 bring Vega-Lite 5 of their own. Ours are written in what 5 and 6 have in common.
_BROUGHT = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_MENU = {"embed_options": {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}}


def finish(chart: Chart) -> Chart:
    """Give a chart the common look, and let it be shown and saved without a network.

    Parameters
    ----------
    chart
        Any altair chart.

    Returns
    -------
    altair chart
        Of a class that derives from the chart's; all of altair's methods work on it. The look is put on where it is
        shown or saved, because altair composes no charts with a configuration (``one | other``).

    Notes
    -----
    With altair's default renderer a notebook shows nothing without a network: it loads Vega from one. JupyterLab,
    Notebook and marimo bring a Vega-Lite of their own, which this uses; elsewhere a picture is shown. A renderer
    chosen by ``altair.renderers.enable`` is left in force.
    """
    kind = _offline(type(chart))  # type: ignore[arg-type] # of types that are Any, no more is known
    made = kind.__new__(kind)
    for name in ("_args", "_kwds"):  # altair's own __setattr__ would take them for parts of the chart
        object.__setattr__(made, name, getattr(chart, name))
    return made


@cache
def _offline(kind: Any) -> Any:
    return type(f"Offline{kind.__name__}", (_Offline, kind), {"__module__": __name__})


class _Offline:
    """Put before an altair class: shows and saves without a network, and hands out only what can be drawn."""

    def to_dict(self, *args: Any, context: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
        """As altair's, `drawable`: its renderers, and its own ``save``, draw what this returns."""
        shared = {"datasets": {}} if context is None else context
        spec = super().to_dict(*args, context=shared, **kwargs)  # type: ignore[misc]
        datasets = shared.get("datasets", {})  # of a chart around this one, which hands them out itself
        datasets.update(drawable({"datasets": datasets})["datasets"])
        return cast("dict[str, Any]", drawable(spec))

    def __add__(self, other: Any) -> Any:
        return finish(super().__add__(other))  # type: ignore[misc]

    def __and__(self, other: Any) -> Any:
        return finish(super().__and__(other))  # type: ignore[misc]

    def __or__(self, other: Any) -> Any:
        return finish(super().__or__(other))  # type: ignore[misc]

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        alt = altair("chart")
        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **kwargs)  # type: ignore[misc]
        spec = self.to_dict()
        config = merged(neutral(), spec.get("config", {}))
        if _in_marimo():  # it takes one kind from a chart, and brings Vega-Lite 6
            return {f"application/vnd.vegalite.v{alt.SCHEMA_VERSION[1]}+json": {**spec, "config": config}}
        shown = {_BROUGHT: {**spec, "$schema": _SCHEMA, "config": config}, "text/plain": repr(self)}
        try:
            shown["image/png"] = base64.b64encode(picture(spec, ".png", "light", 1.5)).decode()
        except ImportError:  # the picture is for elsewhere and later; the chart is drawn without it
            return shown, {_BROUGHT: _MENU}
        return shown, {_BROUGHT: _MENU}

    def save(self, fp: Any, *args: Any, **options: Any) -> None:
        """`save_chart` where it knows the ending and nothing else is asked for, otherwise as altair's.

        Altair's own HTML asks for a network unless called with ``inline=True``.
        """
        if not args and not options and isinstance(fp, (str, os.PathLike)) and Path(fp).suffix.lower() in ENDINGS:
            save_chart(self, fp)
        else:
            super().save(fp, *args, **options)  # type: ignore[misc]


def _in_marimo() -> bool:
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())
