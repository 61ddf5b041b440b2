"""Charts of audits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..charts import altair, by_dash, by_shape, finish

if TYPE_CHECKING:
    import pandas as pd

    from .groups import GroupAudit
    from .noise import NoiseAudit
    from .robustness import RobustnessCurve
    from .simulation import CheckingCurve

_WIDTH = 520
_STEP = 46
_COLOUR = "#3d8bd4"
_SHARE = "Share of the rows of a flip set (mean over sets)"


def noise_picture(audit: NoiseAudit) -> Any:
    """A line for each group: each query's size as a tick, the middle half as a bar, the mean as a diamond."""
    alt = altair("NoiseAudit.chart")
    lacking = set(audit.sizes["query"][audit.sizes["size"].isna()])
    sizes = audit.sizes[~audit.sizes["query"].isin(lacking)]  # the queries that the means are over
    order = [str(name) for name in audit.means["group"]]
    sizes = sizes.assign(group=sizes["group"].map(str))
    quartiles = sizes.groupby("group")["size"].describe().reset_index()
    quartiles = quartiles.rename(columns={"25%": "q1", "50%": "median", "75%": "q3"})
    means = audit.means.assign(group=order, words=[f"mean {mean:.1f}" for mean in audit.means["mean"]])
    scale = alt.Scale(type="log", domainMin=1, nice=False)
    axis = alt.Axis(tickCount=8, format="~s")
    x = {"title": "Flip set size (training rows to edit, log scale)", "scale": scale, "axis": axis}
    y = alt.Y("group:N", title="Training group", sort=order, scale=alt.Scale(paddingInner=0.4))
    base = alt.Chart(sizes)
    ticks = base.mark_tick(opacity=0.35, thickness=1.5, size=12, yOffset=13, color=_COLOUR).encode(
        x=alt.X("size:Q", **x), y=y, tooltip=["group:N", "query:Q", "size:Q"]
    )
    bars = (
        alt.Chart(quartiles)
        .mark_bar(height=12, fillOpacity=0.35, stroke=_COLOUR, color=_COLOUR, yOffset=-3)
        .encode(x=alt.X("q1:Q", **x), x2="q3:Q", y=y, tooltip=["group:N", "q1:Q", "median:Q", "q3:Q"])
    )
    medians = (
        alt.Chart(quartiles)
        .mark_tick(size=16, thickness=4, yOffset=-3, color=_COLOUR)
        .encode(x=alt.X("median:Q", **x), y=y)
    )
    points = alt.Chart(means).encode(x=alt.X("mean:Q", **x), y=y)
    marks = points.mark_point(shape="diamond", filled=True, size=90, opacity=1, yOffset=-3, color="#cf7320")
    words = points.mark_text(dy=-17, fontSize=11).encode(text="words:N")
    title = alt.Title("How many labels it takes to flip the same predictions", subtitle=_subtitle(audit))
    layers = alt.layer(ticks, bars, medians, marks, words, title=title)
    return finish(layers.properties(width=_WIDTH, height=alt.Step(_STEP)))


def _subtitle(audit: NoiseAudit) -> list[str]:
    shown = [str(each) for each in audit.tests["verdict"]][:3]
    left = len(audit.tests) - len(shown)
    more = [f"and {left} more comparisons"] if left > 0 else []
    return ["Ticks: test rows. Bar: middle half, line at the median. Diamond: mean.", *shown, *more]


def group_picture(audit: GroupAudit) -> Any:
    """A panel for each training group with a line for each query group: share, interval, and chance."""
    alt = altair("GroupAudit.chart")
    table = audit.table.assign(
        train_group=audit.table["train_group"].map(str),
        query_group=[
            f"{name} ({n} sets)" for name, n in zip(audit.table["query_group"], audit.table["sets"], strict=True)
        ],
    )
    both = table.melt(["train_group", "query_group"], ["share", "chance"], "what", "value")
    both["what"] = both["what"].map({"share": "flip sets", "chance": "chance"})
    names = list(dict.fromkeys(table["train_group"]))
    panels = [_panel(table, both, name, bottom=name == names[-1]) for name in names]
    title = alt.Title(
        "Which training groups flip sets draw on",
        subtitle=f"Lines: {1 - audit.level:.0%} intervals over test rows. Chance: any candidate with the same label.",
    )
    return finish(alt.vconcat(*panels, spacing=18, title=title).resolve_scale(x="shared"))


def _panel(table: pd.DataFrame, both: pd.DataFrame, name: str, *, bottom: bool) -> Any:
    alt = altair("GroupAudit.chart")
    x = {"title": _SHARE if bottom else None, "axis": alt.Axis(format="%")}
    y = alt.Y("query_group:N", title="Test rows")
    intervals = (
        alt.Chart(table)
        .mark_rule(strokeWidth=2, color=_COLOUR)
        .encode(x=alt.X("low:Q", **x), x2="high:Q", y=y, tooltip=["query_group:N", "low:Q", "high:Q"])
    )
    points = (
        alt.Chart(both)
        .mark_point(filled=True, opacity=1, size=85)
        .encode(
            x=alt.X("value:Q", scale=alt.Scale(zero=True), **x),
            y=y,
            tooltip=["what:N", "value:Q"],
            **by_shape("what", "Source of the rows", ["flip sets", "chance"]),
        )
    )
    of = alt.FieldEqualPredicate(field="train_group", equal=name)  # not an expression: names must not be evaluated
    panel = alt.layer(intervals.transform_filter(of), points.transform_filter(of))
    return panel.properties(width=_WIDTH, height=alt.Step(34), title=alt.Title(name, fontSize=12, offset=4))


def robustness_picture(curve: RobustnessCurve) -> Any:
    """Two step curves over k on a logarithmic axis, and the undecided band between them."""
    alt = altair("RobustnessCurve.chart")
    table = curve.table
    table = table[table["k"] >= 1]
    found, proven = "at least: a verified set was found", "at most: fewer rows provably cannot"
    names = {"flip_at_most": proven, "flip_at_least": found} if curve.bounded else {"flip_at_least": found}
    lines = table.melt("k", list(names), "what", "share")
    lines["what"] = lines["what"].map(names)
    verb = "relabelled" if curve.edit == "relabel" else "removed"
    axis = alt.Axis(tickCount=8, format="~s")
    x = alt.X("k:Q", title=f"Training rows {verb}, k (log scale)", scale=alt.Scale(type="log", nice=False), axis=axis)
    y_title = "Share of test predictions that flip with at most k"
    y_scale, y_axis = alt.Scale(domain=[0, 1]), alt.Axis(format="%", titleLimit=400)
    band = (
        alt.Chart(table)
        .mark_area(interpolate="step-after", opacity=0.12, color="#8b8b8b")
        .encode(x=x, y=alt.Y("flip_at_least:Q", title=y_title, scale=y_scale, axis=y_axis), y2="flip_at_most:Q")
    )
    steps = (
        alt.Chart(lines)
        .mark_line(interpolate="step-after", strokeWidth=2.5)
        .encode(
            x=x,
            y=alt.Y("share:Q", title=y_title, scale=y_scale, axis=y_axis),
            tooltip=["what:N", "k:Q", alt.Tooltip("share:Q", format=".1%")],
            **by_dash("what", None, list(names.values())),
        )
    )
    title = alt.Title(
        "How many edits predictions withstand",
        subtitle=f"{len(curve.queries):,} test rows; "
        + ("between the lines: undecided" if curve.bounded else "no lower bounds known: more may flip"),
    )
    layers = alt.layer(*([band, steps] if curve.bounded else [steps]), title=title).properties(width=_WIDTH, height=300)
    legend = {"orient": "bottom", "direction": "vertical", "labelLimit": 400, "symbolSize": 400}
    return finish(layers.configure_legend(**legend))


def checking_picture(curves: list[CheckingCurve]) -> Any:
    """A line for each order of checking: the share of the damage that is repaired, over labels checked."""
    alt = altair("CheckingCurve.chart")
    import pandas as pd

    seen = Counter(curve.name for curve in curves)
    names = [curve.name if seen[curve.name] == 1 else f"{curve.name} ({i + 1})" for i, curve in enumerate(curves)]
    tables = [curve.table.assign(order=name) for curve, name in zip(curves, names, strict=True)]
    lines = (
        alt.Chart(pd.concat(tables))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("checked:Q", title="Labels checked"),
            y=alt.Y("repaired:Q", title="Share of the damage that is repaired", axis=alt.Axis(format="%")),
            tooltip=["order:N", "checked:Q", "found:Q", alt.Tooltip("repaired:Q", format=".0%")],
            **by_dash("order", "Order", names),
        )
    )
    title = alt.Title(
        "What checking labels repairs",
        subtitle=f"{curves[0].wrong:,} wrong labels; log-loss of the judging rows after a refit",
    )
    return finish(lines.properties(width=_WIDTH, height=300, title=title))
