"""Shows charts in notebooks without a network."""

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

Chart = Any  # altair publishes its types, but may not be installed where ours are checked

# JupyterLab 4 and Notebook 7 bundle Vega-Lite 5. Our charts use what versions 5 and 6 have in common.
_BROUGHT = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_MENU = {"embed_options": {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}}


def finish(chart: Chart) -> Chart:
    """Give a chart the common look, and make it show and save without a network.

    Parameters
    ----------
    chart
        Any Altair chart.

    Returns
    -------
    altair chart
        An instance of a subclass of the chart's class; all of altair's methods work on it. The look is added when it
        is shown or saved, because altair cannot compose charts that have a configuration (``one | other``).

    Notes
    -----
    Altair's default renderer shows nothing without a network, because it loads Vega from one. JupyterLab, Notebook
    and marimo bundle Vega-Lite, which this uses; elsewhere a picture is shown. A renderer chosen by
    ``altair.renderers.enable`` stays in force.
    """
    kind = _offline(type(chart))  # type: ignore[arg-type] # the types are Any
    made = kind.__new__(kind)
    for name in ("_args", "_kwds"):  # altair's __setattr__ would take them for properties of the chart
        object.__setattr__(made, name, getattr(chart, name))
    return made


@cache
def _offline(kind: Any) -> Any:
    return type(f"Offline{kind.__name__}", (_Offline, kind), {"__module__": __name__})


class _Offline:
    """Mixin for altair classes: shows and saves without a network, and returns only drawable specifications."""

    def to_dict(self, *args: Any, context: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
        """As altair's, made `drawable`: its renderers and its own ``save`` draw what this returns."""
        shared = {"datasets": {}} if context is None else context
        spec = super().to_dict(*args, context=shared, **kwargs)  # type: ignore[misc]
        datasets = shared.get("datasets", {})  # of an enclosing chart, which returns them itself
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
        if _in_marimo():  # it accepts one MIME type from a chart, and bundles Vega-Lite 6
            return {f"application/vnd.vegalite.v{alt.SCHEMA_VERSION[1]}+json": {**spec, "config": config}}
        shown = {_BROUGHT: {**spec, "$schema": _SCHEMA, "config": config}, "text/plain": repr(self)}
        try:
            shown["image/png"] = base64.b64encode(picture(spec, ".png", "light", 1.5)).decode()
        except ImportError:  # the picture is a fallback for other viewers; the chart is drawn without it
            return shown, {_BROUGHT: _MENU}
        return shown, {_BROUGHT: _MENU}

    def save(self, fp: Any, *args: Any, **options: Any) -> None:
        """Use `save_chart` if it knows the ending and there are no options, otherwise altair's method.

        Altair's own HTML needs a network unless called with ``inline=True``.
        """
        if not args and not options and isinstance(fp, (str, os.PathLike)) and Path(fp).suffix.lower() in ENDINGS:
            save_chart(self, fp)
        else:
            super().save(fp, *args, **options)  # type: ignore[misc]


def _in_marimo() -> bool:
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())
