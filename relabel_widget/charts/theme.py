"""The look of charts: marks that differ in greyscale as well as in colour, on a light or dark background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from ..arguments import check_choice

Theme = Literal["light", "dark"]

# Each colour has a contrast of 3:1 or more on white, on our dark background and on the one that JupyterLab puts under
# charts (a test computes it), so that marks need no theme. Their lightness is therefore nearly the same: in greyscale,
# shape tells them apart, and every encoding below includes one.
COLOURS = ("#3d8bd4", "#cf7320", "#8e7cc3", "#3a9c6b", "#8b8b8b")
SHAPES = ("circle", "diamond", "triangle-up", "square", "cross")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 4])
FILLS = (0.95, 0.12, 0.55, 0.35, 0.75)

INK: dict[Theme, dict[str, str]] = {
    "light": {"paper": "#ffffff", "ink": "#1d2329", "soft": "#59636e", "line": "#e3e7eb", "edge": "#8a949e"},
    "dark": {"paper": "#14181c", "ink": "#e6eaee", "soft": "#a3adb8", "line": "#2b3239", "edge": "#6f7a85"},
}


def altair(who: str) -> Any:
    """The altair module.

    Raises
    ------
    ImportError
        If it is not installed; the message gives the install command.
    """
    try:
        import altair as module
    except ImportError as error:
        raise ImportError(missing(who, "altair")) from error
    return module


def missing(who: str, package: str) -> str:
    """The message when a drawing package is not installed."""
    return f'{who}: charts need {package}, which is not installed. Run: pip install "relabel-widget[charts]"'


def check_theme(theme: Any, *, who: str) -> Theme:
    """Check the theme and return it.

    Raises
    ------
    ValueError
        If it is not ``"light"`` or ``"dark"``.
    """
    check_choice(theme, "theme", get_args(Theme), who=who)
    return theme  # type: ignore[no-any-return]


def neutral() -> dict[str, Any]:
    """Vega-Lite configuration without background and text colours, which the host or `save_chart` provides."""
    return {
        "view": {"stroke": None},
        "axis": {
            "domain": False,
            "gridWidth": 1,
            "labelFlush": False,
            "labelFontSize": 12,
            "labelPadding": 6,
            "tickSize": 4,
            "titleFontSize": 12,
            "titleFontWeight": 500,
            "titlePadding": 10,
        },
        "axisY": {"ticks": False},
        "legend": {"labelFontSize": 12, "symbolSize": 110, "symbolStrokeWidth": 1.8, "titleFontSize": 12},
        "title": {
            "anchor": "start",
            "fontSize": 15,
            "fontWeight": 600,
            "offset": 14,
            "subtitleFontSize": 12,
            "subtitlePadding": 6,
        },
        "point": {"opacity": 1, "size": 60, "strokeWidth": 1.8},
        "text": {"fontSize": 12},
    }


def themed(theme: Theme, own: Mapping[str, Any]) -> dict[str, Any]:
    """The full Vega-Lite configuration for one theme; the chart's ``own`` settings win."""
    return merged(merged(neutral(), _coloured(INK[theme])), own)


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two configurations recursively; ``over`` wins."""
    both = dict(under)
    for key, value in over.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _coloured(colour: Mapping[str, str]) -> dict[str, Any]:
    return {
        "background": colour["paper"],
        "padding": 14,
        "axis": {
            "gridColor": colour["line"],
            "labelColor": colour["soft"],
            "tickColor": colour["edge"],
            "titleColor": colour["ink"],
        },
        "legend": {"labelColor": colour["ink"], "titleColor": colour["ink"]},
        "header": {"labelColor": colour["ink"], "titleColor": colour["ink"]},
        "title": {"color": colour["ink"], "subtitleColor": colour["soft"]},
        "text": {"color": colour["ink"]},
        "rule": {"color": colour["edge"]},
    }


def by_shape(field: str, title: str | None, domain: Sequence[Any]) -> dict[str, Any]:
    """Encodings of a nominal field for points: colour and shape together, in one legend.

    Parameters
    ----------
    field
        Column with the category.
    title
        Title of the legend; None for no title.
    domain
        The categories in legend order, at most five.

    Raises
    ------
    ValueError
        If there are more categories than shapes.
    """
    return _twice("shape", SHAPES, field, title, domain)


def by_dash(field: str, title: str | None, domain: Sequence[Any]) -> dict[str, Any]:
    """Encodings for lines: colour and dash together, as `by_shape`."""
    return _twice("strokeDash", DASHES, field, title, domain)


def by_fill(field: str, title: str | None, domain: Sequence[Any]) -> dict[str, Any]:
    """Encodings for bars: colour, and how full the bar is inside its outline, as `by_shape`."""
    alt = altair("charts")
    _check_domain(field, domain)
    # A legend merges fill and stroke but ignores fillOpacity, so the opacity is part of the colour.
    fills = [_faded(colour, opacity) for colour, opacity in zip(COLOURS, FILLS, strict=True)]
    return {
        "fill": alt.Fill(f"{field}:N", title=title, scale=_scale(fills, domain)),
        "stroke": alt.Stroke(f"{field}:N", title=title, scale=_scale(COLOURS, domain)),
    }


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _check_domain(field: str, domain: Sequence[Any]) -> None:
    if len(domain) > len(COLOURS):
        raise ValueError(
            f"charts: expected at most {len(COLOURS)} categories of {field!r} in one chart, got {len(domain)}. Draw "
            "one chart for each, or merge rare ones."
        )


def _twice(channel: str, range_: Sequence[Any], field: str, title: str | None, domain: Sequence[Any]) -> dict[str, Any]:
    alt = altair("charts")
    _check_domain(field, domain)
    second = getattr(alt, channel[0].upper() + channel[1:])
    return {
        "color": alt.Color(f"{field}:N", title=title, scale=_scale(COLOURS, domain)),
        channel: second(f"{field}:N", title=title, scale=_scale(range_, domain)),
    }


def _scale(range_: Sequence[Any], domain: Sequence[Any]) -> Any:
    return altair("charts").Scale(domain=list(domain), range=list(range_[: len(domain)]))
