"""The charts of a workbench, each drawn from a snapshot of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..facts import clip, flips_by, judged_on, plural, probability_of, score_change, share_change
from ..files.characters import isolated
from .showing import Chart, finish
from .theme import COLOURS, altair, by_fill, by_shape

if TYPE_CHECKING:
    import pandas as pd

Records = list[dict[str, Any]]

_WIDTH, _HEIGHT = 450, 320  # with axes and legend, fits the 640 points of narrow pages
_LONGEST = 40  # characters of a text on an axis; tooltips have more
_MOST_POINTS = 5000
_MOST_BARS = 40


class Bench(Protocol):
    """What charts need of a workbench."""

    @property
    def classes(self) -> Any: ...  # noqa: D102
    @property
    def threshold(self) -> float: ...  # noqa: D102
    @property
    def relabelled(self) -> list[int]: ...  # noqa: D102
    def test_columns(self) -> Any: ...  # noqa: D102
    def test_text(self, row: int) -> str: ...  # noqa: D102
    def influential_rows(self, test_row: int, top: int = ...) -> pd.DataFrame: ...  # noqa: D102
    def verification_summary(self) -> Any: ...  # noqa: D102


def draw(kind: str, bench: Bench, test_row: int | None = None, top: int = 25) -> Chart:
    """The chart of one kind, as documented in `Workbench.chart`."""
    maker = KINDS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise ValueError(f"chart: expected one of {', '.join(map(repr, KINDS))}, got {kind!r}.")
    altair("chart")
    if kind != "influence":
        return finish(maker(bench))
    if test_row is None:
        raise ValueError("chart: 'influence' needs a test row. Pass its number: chart('influence', test_row=17).")
    return finish(maker(bench, test_row, top))


def _influence(bench: Bench, test_row: int, top: int) -> Chart:
    alt = altair("chart")
    ranked = bench.influential_rows(test_row, top)
    columns = bench.test_columns()
    classes, proba = bench.classes, columns.proba[test_row]
    predicted, rival = columns.predicted[test_row], columns.rival[test_row]
    several = len(classes) > 2
    names = [isolated(str(label)) for label in classes]
    records = [_bar(line, predicted == 1 or several, several) for line in ranked.itertuples()]
    if several:
        how = f"Predicted {names[predicted]}, probability {proba:.3f}; the nearest other class is {names[rival]}."
        first, second = (isolated(_clip(classes[code], 20)) for code in (predicted, rival))
        moved = f"margin of {first} over {second} by the new label alone"
    else:
        how = f"Predicted {names[predicted]}: probability of {names[1]} {proba:.3f}, threshold {bench.threshold:g}."
        moved = f"log-odds of {names[1]} by relabelling that row alone"
    words = [f"“{isolated(_clip(bench.test_text(test_row), 90))}”", how, "Bars are first-order predictions."]
    base = alt.Chart(_data(records), width=320, height=alt.Step(21)).encode(
        alt.Y("name:N", title="Training row", sort=None, axis=alt.Axis(labelLimit=230, labelPadding=20, maxExtent=300)),
        tooltip=_tips({**_BAR_TIPS, "suggested": "New label"} if several else _BAR_TIPS),
    )
    length = alt.X("influence:Q", title=f"Change of the {moved}")
    fills = by_fill("effect", "Moves the prediction", ["towards its flip", "away from it"])
    legend = alt.Legend(orient="top", columns=2)
    bars = base.mark_bar(strokeWidth=1.2, height=13).encode(length, **_with_legend(fills, legend))
    zero = alt.Chart(_data([{"x": 0}])).mark_rule(color=COLOURS[4]).encode(x="x:Q")
    return _titled(
        alt.layer(bars, *_signs(base, records, legend), zero), f"Training rows behind test row {test_row}", words
    )


_BAR_TIPS = {
    "row": "Training row", "id": "Id", "text": "Text", "label": "Label",
    "influence": "Change of log-odds", "sign": "Mark",
}  # fmt: skip
_SIGNS = ("in the flip set", "relabelled", "in the set, relabelled")


def _bar(line: Any, falls: bool, several: bool) -> dict[str, Any]:
    """One bar; ``falls`` says whether negative influences are towards the flip."""
    sign = _SIGNS[2] if line.in_flip_set and line.relabelled else _SIGNS[0] if line.in_flip_set else _SIGNS[1]
    return {
        "name": f"{line.row} · {isolated(_clip(line.text, _LONGEST))}",
        "row": line.row,
        "id": str(line.id),
        "text": _clip(line.text, 300),
        "label": f"{isolated(str(line.original))} → {isolated(str(line.current))}"
        if line.relabelled
        else str(line.original),
        **({"suggested": str(line.suggested)} if several else {}),
        "influence": line.influence,
        "effect": "towards its flip" if (line.influence < 0) == falls else "away from it",
        "sign": sign if line.in_flip_set or line.relabelled else "",
    }


def _signs(base: Chart, records: Records, legend: Any) -> list[Chart]:
    """Signs between texts and bars, only of the kinds that occur."""
    alt = altair("chart")
    there = [sign for sign in _SIGNS if any(record["sign"] == sign for record in records)]
    if not there:
        return []
    shapes = dict(zip(_SIGNS, ("diamond", "square", "triangle-up"), strict=True))
    scale = alt.Scale(domain=there, range=[shapes[sign] for sign in there])
    marked = base.transform_filter("datum.sign != ''").mark_point(filled=True, size=70, color=COLOURS[2])
    return [marked.encode(alt.X(value=-10), alt.Shape("sign:N", title="Mark", scale=scale, legend=legend))]


def _sizes(bench: Bench) -> Chart:
    alt, columns = altair("chart"), bench.test_columns()
    sizes, predicted = _known_sizes(columns)
    width = -(-int(sizes.max()) // _MOST_BARS)
    records = []
    named, domain = _classes_shown(bench, predicted)
    for name in domain:
        bins, counts = np.unique((sizes[named == name] - 1) // width, return_counts=True)
        for one, count in zip(bins.tolist(), counts.tolist(), strict=True):
            low, high = 1 + one * width, (one + 1) * width
            rows = f"{low}" if width == 1 else f"{low} to {high}"
            records.append({"from": low - 0.5, "to": high + 0.5, "count": count, "predicted": name, "rows": rows})
    unit = "training rows" if width == 1 else f"training rows, {width} sizes to a bar"
    bars = (
        alt.Chart(_data(records), width=_WIDTH, height=_HEIGHT)
        .mark_bar(strokeWidth=1.2)
        .encode(
            alt.X("from:Q", bin="binned", title=f"Size of the flip set ({unit})", axis=_WHOLE),
            alt.X2("to:Q"),
            alt.Y("count:Q", title="Test rows (count)", axis=_WHOLE),
            tooltip=_tips({"rows": "Rows in the set", "predicted": "Predicted", "count": "Test rows"}),
            **by_fill("predicted", "Predicted", domain),
        )
    )
    return _titled(bars, "Relabels needed to flip a prediction", [_searched(columns, sizes)])


_WHOLE = {"format": "d", "tickMinStep": 1}


def _size_probability(bench: Bench) -> Chart:
    alt, columns = altair("chart"), bench.test_columns()
    sizes, predicted = _known_sizes(columns)
    found = np.flatnonzero(columns.flip_size > 0)
    named, domain = _classes_shown(bench, predicted)
    points = zip(found.tolist(), columns.proba[found].tolist(), sizes.tolist(), named.tolist(), strict=True)
    records = _thinned(
        ({"row": row, "proba": p, "size": size, "predicted": name} for row, p, size, name in points), ["proba"], bench
    )
    top = alt.Scale(domain=[0, int(sizes.max()) + 1], nice=False)
    marks = (
        alt.Chart(_data(records), width=_WIDTH, height=_HEIGHT)
        .mark_point(filled=True)
        .encode(
            _chance("proba", probability_of(bench.classes) + _dashed(bench), alt.X),
            alt.Y("size:Q", title="Size of the flip set (training rows)", axis=_WHOLE, scale=top),
            tooltip=_tips(
                {"row": "Test row", "text": "Text", "proba": "Probability", "size": "Rows in the set", **_COUNT}
            ),
            **by_shape("predicted", "Predicted", domain),
        )
    )
    title = "Size of the flip set against probability"
    return _titled(alt.layer(*_at_threshold(bench, "x"), marks), title, [_searched(columns, sizes)])


_COUNT = {"count": "Test rows at this point"}


def _before_after(bench: Bench) -> Chart:
    alt = altair("chart")
    columns = bench.test_columns()
    summary = bench.verification_summary()
    if columns.before_proba is None or columns.verified_proba is None or summary is None:
        raise ValueError(
            "chart: 'before-after' shows a verification, and the current labels have none. Relabel rows and call "
            "verify() first."
        )
    fates = _fates(columns)
    points = zip(columns.before_proba.tolist(), columns.verified_proba.tolist(), fates, strict=True)
    records = _thinned(
        ({"row": row, "before": old, "after": new, "fate": fate} for row, (old, new, fate) in enumerate(points)),
        ["before", "after"],
        bench,
    )
    everyone = alt.Chart(_data(records), width=430, height=430).encode(
        _chance("before", f"{probability_of(bench.classes)} before", alt.X),
        _chance(
            "after",
            f"{'The same' if len(bench.classes) > 2 else probability_of(bench.classes)} after retraining",
            alt.Y,
        ),
        tooltip=_tips({"row": "Test row", "text": "Text", "before": "Before", "after": "After", **_COUNT}),
    )
    kept = everyone.transform_filter(f"datum.fate == '{_KEPT}'").mark_circle(size=22, opacity=0.6, color=COLOURS[4])
    marks = [kept]
    if fates_of_flips := [fate for fate in _FATES if fate in fates]:
        flipped = everyone.transform_filter(f"datum.fate != '{_KEPT}'").mark_point(filled=True, size=80)
        marks.append(flipped.encode(**by_shape("fate", "Flipped", fates_of_flips)))
    same = alt.Chart(_data([{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(color=COLOURS[4], strokeWidth=1)
    under = [same.encode(x="x:Q", y="y:Q"), *_at_threshold(bench, "x"), *_at_threshold(bench, "y")]
    title = flips_by(summary.n_flipped, summary.n_test, summary.n_relabelled)
    return _titled(
        alt.layer(*under, *marks), title, _figures(summary, _LINES if len(bench.classes) == 2 else _NO_LINES)
    )


_FATES = ("became right", "became wrong", "flipped")
_KEPT = "kept its class"
_LINES = "Small grey points kept their class. Dashed lines: the threshold. Points on the diagonal did not change."
_NO_LINES = "Small grey points kept their class. Points on the diagonal did not change."


def _fates(columns: Any) -> list[str]:
    fates = np.select([columns.became_right, columns.became_wrong, columns.flipped], _FATES, _KEPT)
    return [str(fate) for fate in fates]


def _figures(summary: Any, legend: str) -> list[str]:
    if summary.accuracy_before is None:
        return [legend]
    accuracy = " → ".join(share_change(summary.accuracy_before, summary.accuracy_after))
    loss = " → ".join(score_change(summary.log_loss_before, summary.log_loss_after))
    partly = summary.n_known < summary.n_test
    rows = f" on {judged_on(summary.n_known, summary.n_test)}" if partly else ""
    return [f"Accuracy {accuracy}, log-loss {loss}{rows}.", legend]


KINDS: Mapping[str, Callable[..., Chart]] = {
    "influence": _influence,
    "sizes": _sizes,
    "size-probability": _size_probability,
    "before-after": _before_after,
}


def _known_sizes(columns: Any) -> tuple[Any, Any]:
    """Sizes of the known flip sets, and the predicted class codes of their test rows."""
    found = columns.flip_size > 0
    if not found.any():
        raise ValueError("chart: no flip set is known yet at this threshold. Call flip_set(row) for test rows first.")
    return columns.flip_size[found], columns.predicted[found]


_OTHERS = "other classes"


def _classes_shown(bench: Bench, codes: Any) -> tuple[Any, list[str]]:
    """Names of some codes' classes, and all that occur: of more than a chart can tell apart the commonest ones."""
    names = np.array([str(label) for label in bench.classes], dtype=object)
    if len(names) <= len(COLOURS):
        return names[codes], names.tolist()
    counts = np.bincount(codes, minlength=len(names))
    common = np.sort(np.argsort(-counts, kind="stable")[: len(COLOURS) - 1])
    return np.where(np.isin(codes, common), names[codes], _OTHERS), [*names[common].tolist(), _OTHERS]


def _searched(columns: Any, sizes: Any) -> str:
    without = int(np.count_nonzero(columns.flip_size == 0))
    more = f" No set was found for {without:,}; they are not shown." if without else ""
    of = len(columns.flip_size)
    return f"{plural(len(sizes), 'verified set')} of {of:,} test rows, median size {np.median(sizes):g}.{more}"


def _thinned(records: Iterable[dict[str, Any]], places: list[str], bench: Bench) -> Records:
    """Each point with its text; above 5,000, points that coincide to two decimals are merged and counted."""
    points = list(records)
    if len(points) <= _MOST_POINTS:
        return [{**point, "text": _clip(bench.test_text(point["row"]), 300), "count": 1} for point in points]
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    for point in points:
        rounded = point | {place: round(point[place], 2) for place in places}
        key = tuple(value for name, value in rounded.items() if name != "row")
        cell = cells.setdefault(key, {**rounded, "text": "", "count": 0})
        cell["count"] += 1
    return list(cells.values())


def _dashed(bench: Bench) -> str:
    return " (dashed line: the threshold)" if len(bench.classes) == 2 else ""


def _at_threshold(bench: Bench, axis: str) -> list[Chart]:
    """A line at the threshold, where there is one."""
    if len(bench.classes) > 2:
        return []
    rule = altair("chart").Chart(_data([{axis: bench.threshold}])).mark_rule(strokeDash=[4, 4], color=COLOURS[4])
    return [rule.encode(**{axis: f"{axis}:Q"})]


def _chance(field: str, title: str, channel: Any) -> Any:
    scale = altair("chart").Scale(domain=[0, 1], nice=False)
    return channel(f"{field}:Q", title=title, scale=scale, axis={"values": [0, 0.2, 0.4, 0.6, 0.8, 1], "format": ".1f"})


def _with_legend(encodings: dict[str, Any], legend: Any) -> dict[str, Any]:
    return {name: encoding.legend(legend) for name, encoding in encodings.items()}


def _data(records: Records) -> Any:
    """Values inline in the chart: altair's limit of 5,000 rows applies to data frames."""
    return altair("chart").Data(values=records)


def _tips(fields: Mapping[str, str]) -> list[Any]:
    quantities = {"influence": ".4f", "proba": ".3f", "before": ".3f", "after": ".3f"}
    tooltip = altair("chart").Tooltip
    return [
        tooltip(f"{field}:Q", title=title, format=quantities[field])
        if field in quantities
        else tooltip(f"{field}:N", title=title)
        for field, title in fields.items()
    ]


def _titled(chart: Chart, title: str, words: list[str]) -> Chart:
    return chart.properties(title=altair("chart").Title(title, subtitle=words))


def _clip(text: Any, length: int) -> str:
    """Clip to one line."""
    return clip(" ".join(str(text)[: 4 * length].split()), length)
