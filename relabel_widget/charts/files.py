"""Chart files that need no network, neither to write nor to open."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..arguments import as_number, as_path
from ..files.whole import write_whole
from .drawable import check_drawable, drawable
from .theme import INK, Theme, altair, check_theme, missing, themed

_MOST_PIXELS = 2**28  # four bytes each
ENDINGS = (".png", ".svg", ".html")


def save_chart(chart: Any, path: str | os.PathLike[str], *, theme: Theme = "light", scale: float = 2.0) -> Path:
    """Save a chart as ``.png``, ``.svg`` or ``.html``, completely or not at all, without a network.

    Parameters
    ----------
    chart
        From `Workbench.chart`, or any other Altair chart that contains its data.
    path
        The file; its ending decides the format. As with other plotting libraries, an existing file is replaced. An
        HTML file is self-contained (about 0.9 MB), shows tooltips, makes no requests, and follows the reader's
        preference for light or dark.
    theme
        ``"light"`` or ``"dark"`` background for pictures.
    scale
        Pixels of a PNG per point of the chart.

    Returns
    -------
    Path
        Absolute path of the file.

    Raises
    ------
    TypeError
        If it is not a chart.
    ValueError
        If the ending or theme is unknown, the scale is not positive, or the chart cannot be drawn.
    ImportError
        If Altair or vl-convert is not installed; the message gives the install command.
    OSError
        If the file cannot be written; an existing file is left untouched.
    """
    who = "save_chart"
    ending = as_path(path, who=who).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(
            f"{who}: expected a path ending in {', '.join(ENDINGS)}, got {os.fspath(path)!r}. The ending decides the "
            "format."
        )
    scale = as_number(scale, who=f"{who}: scale", above=0.0)
    content = picture(_spec(chart, who), ending, check_theme(theme, who=who), scale)

    def fill(file: Path) -> None:
        file.write_bytes(content)

    return write_whole(path, fill, who=who, overwrite=True)


def _spec(chart: Any, who: str) -> dict[str, Any]:
    alt = altair(who)
    if not isinstance(chart, alt.TopLevelMixin):
        raise TypeError(f"{who}: expected an altair chart, as Workbench.chart returns, got {type(chart).__name__}.")
    with alt.data_transformers.enable("default", max_rows=None):  # altair's row limit is for notebooks, not for files
        return chart.to_dict()  # type: ignore[no-any-return]


def picture(spec: Mapping[str, Any], ending: str, theme: Theme, scale: float) -> bytes:
    """A Vega-Lite chart as the content of a file with that ending.

    Raises
    ------
    ImportError
        If vl-convert is not installed.
    ValueError
        If it cannot be drawn, or loads its data from a network.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError(missing("save_chart", "vl-convert-python")) from error
    spec = drawable(spec)  # here, so that vl-convert gets nothing else, whoever calls
    version = ".".join(altair("save_chart").SCHEMA_VERSION.lstrip("v").split(".")[:2])
    if ending == ".html":
        return _page(spec, _bundle(version)).encode()
    drawn = {**spec, "config": themed(theme, spec.get("config", {}))}
    check_drawable(drawn, who="save_chart")
    common: dict[str, Any] = {"vl_version": version, "allowed_base_urls": []}
    try:
        svg = vl_convert.vegalite_to_svg(drawn, **common)
        if ending == ".svg":
            return svg.encode()
        _check_pixels(svg, scale)
        return vl_convert.svg_to_png(svg, scale=scale)
    except ValueError as error:
        raise ValueError(f"save_chart: the chart cannot be drawn without a network: {error}") from error


def _check_pixels(svg: str, scale: float) -> None:
    """Refuse a picture whose pixels do not fit in memory: a failed allocation ends the process."""
    size = re.match(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"', svg)
    width, height = (scale * float(each) for each in size.groups()) if size else (scale, scale)
    if width * height > _MOST_PIXELS:
        raise ValueError(
            f"save_chart: expected a picture of at most {_MOST_PIXELS:,} pixels, got {width:.3g} x {height:.3g}. "
            "Use a smaller scale, or write .svg."
        )


def _bundle(version: str) -> str:
    """Vega, Vega-Lite and vega-embed as a script that defines ``window.vegaEmbed``."""
    import vl_convert

    return vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg] # its stub omits a default


def _page(spec: Mapping[str, Any], bundle: str) -> str:
    """A page that draws the chart in light or dark colours. Its content security policy forbids every request."""
    own = spec.get("config", {})
    configs = {theme: themed(theme, own) for theme in INK}
    papers = {str(theme): config["background"] for theme, config in configs.items()}
    fills = {"bundle": bundle, "spec": _script(spec), "configs": _script(configs), **papers}
    page = _PAGE
    for name, value in fills.items():
        page = page.replace(f"%{name}%", value, 1)
    return page


def _script(value: Any) -> str:
    """JSON that is safe inside a script: no text in it ends the script or starts a comment."""
    return json.dumps(value).replace("<", "\\u003c")


# Vega compiles its expressions, hence 'unsafe-eval'; without connections nothing can leave the page.
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>Chart</title>
<style>body { margin: 0; padding: 1rem; background: %light% }
@media (prefers-color-scheme: dark) { body { background: %dark% } }</style>
</head><body><main id="chart"></main>
<script type="module">%bundle%
const spec = %spec%, configs = %configs%;
const dark = matchMedia("(prefers-color-scheme: dark)");
const actions = { export: true, source: false, compiled: false, editor: false };
const draw = () => window.vegaEmbed("#chart", { ...spec, config: configs[dark.matches ? "dark" : "light"] },
  { mode: "vega-lite", renderer: "svg", actions });
dark.addEventListener("change", draw);
draw();
</script></body></html>
"""
