"""HTML in which only markup written here is interpreted."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from ..facts import probabilities
from .characters import printable

_LONGEST_TEXT = 1200
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # images within the page, and no others
_COARSE = 128  # pixels of an image's width


class Markup(str):
    """HTML that needs no escaping. Everything else is escaped."""

    __slots__ = ()


def escape(value: Any) -> Markup:
    """HTML that shows a value, `printable`; markup is left unchanged."""
    return value if isinstance(value, Markup) else _escaped(str(value))


def _escaped(text: str) -> Markup:
    return Markup(html.escape(printable(text)))


def join(*parts: Any) -> Markup:
    """Values and markup, concatenated."""
    return Markup("".join(map(escape, parts)))


def tag(name: str, *parts: Any, **attributes: str) -> Markup:
    """An element around its parts. Attribute names are Python identifiers: ``class_``, ``aria_label``."""
    shown = "".join(f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{shown}>{join(*parts)}</{name}>")


def excerpt(text: str, *, quoted: bool = False) -> Markup:
    """A user's text, isolated so that its direction marks cannot reorder the page; cut if long."""
    left = len(text) - _LONGEST_TEXT
    more = join(" ", tag("span", f"… {left:,} more characters", class_="soft")) if left > 0 else ""
    return tag("div", text[:_LONGEST_TEXT], more, class_="text quoted" if quoted else "text", dir="auto")


def table(caption: str, headings: Iterable[str], lines: Iterable[Iterable[Any]]) -> Markup:
    """A table with a caption for screen readers; columns whose heading starts with "#" are right-aligned numbers."""
    columns = [(heading.lstrip("#"), "num" if heading.startswith("#") else "") for heading in headings]
    head = tag("tr", *(tag("th", heading, scope="col", class_=css) for heading, css in columns))
    body = (
        tag("tr", *(tag("td", cell, class_=css) for cell, (_, css) in zip(line, columns, strict=True)))
        for line in lines
    )
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def picture(png: bytes, words: str, width: int, *, large: bool) -> Markup:
    """A PNG within the page, with words for those who do not see it; pixels of a small one can be told apart."""
    css = ("picture large" if large else "picture") + (" coarse" if width < _COARSE else "")
    source = f"data:image/png;base64,{b64encode(png).decode()}"
    return Markup(f'<img class="{css}" alt="{_escaped(words)}" src="{source}">')


def values(headings: Iterable[str], lines: Iterable[Iterable[str]]) -> Markup:
    """Named values of one row, as a small table."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = (tag("tr", *(tag("td", cell, dir="auto") for cell in line)) for line in lines)
    return tag("table", tag("thead", head), tag("tbody", *body), class_="values")


def section(title: str, *parts: Any) -> Markup:
    """A section of the page with its heading."""
    return tag("section", tag("h2", title), *parts)


def facts(pairs: Iterable[tuple[str, Any]]) -> Markup:
    """Names and values, side by side."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def explained(figures: Iterable[tuple[str, Any, Any]]) -> Markup:
    """Names, values, and what each value means, below one another."""
    pairs = (join(tag("dt", name), tag("dd", tag("strong", value), tag("p", words))) for name, value, words in figures)
    return tag("dl", *(tag("div", pair) for pair in pairs), class_="explained")


def listed(points: Iterable[Any]) -> Markup:
    """Points of a list."""
    return tag("ul", *(tag("li", point) for point in points))


def tile(figure: Any, words: str) -> Markup:
    """One large figure and what it counts."""
    return tag("div", tag("strong", figure), tag("span", words), class_="tile")


def change(before: Any, after: Any) -> Markup:
    """A value before and after."""
    return tag("span", tag("span", before, class_="soft"), " → ", tag("b", after), class_="change")


def chance(before: float, after: float, threshold: float | None) -> Markup:
    """Two probabilities on a line from 0 to 1: hollow before, filled after, and a tick at the threshold, if any."""
    at = [f"{4 + 112 * value:.1f}" for value in (before, after, threshold or 0.0)]
    tick = "" if threshold is None else f'<path class="tick" d="M{at[2]} 2V14"/>'
    drawn = Markup(
        f'<path class="rail" d="M4 8H116"/>{tick}'
        f'<path class="move" d="M{at[0]} 8H{at[1]}"/>'
        f'<circle class="old" cx="{at[0]}" cy="8" r="3.2"/><circle class="new" cx="{at[1]}" cy="8" r="3.6"/>'
    )
    picture = tag("svg", drawn, viewBox="0 0 120 16", width="120", height="16", aria_hidden="true")
    return tag("span", picture, " ", change(*probabilities(before, after)), class_="chance")


def smallest(proven: bool, lower_bound: int) -> str:
    """Whether a smaller flip set is ruled out."""
    if proven:
        return "yes, proven"
    return "not proven" if lower_bound <= 1 else f"not proven; no set of fewer than {lower_bound:,} rows can"


def bar(share: float, words: str) -> Markup:
    """A signed share of the largest bar, in [-1, 1], from a central line: filled to the right, hollow to the left."""
    length = 38 * min(abs(share), 1.0)
    left, css = (40.0, "up") if share >= 0 else (40.0 - length, "down")
    drawn = Markup(
        f'<rect class="{css}" x="{left:.1f}" y="3.5" width="{max(length, 1):.1f}" height="9"/>'
        '<path class="tick" d="M40 0V16"/>'
    )
    picture = tag("svg", drawn, viewBox="0 0 80 16", width="80", height="16", aria_hidden="true")
    return tag("span", picture, " ", words, class_="chance")


def page(title: str, *parts: Any) -> str:
    """A complete page that loads nothing and runs nothing: its content security policy forbids both."""
    head = join(
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        Markup(f"<style>{_STYLE}</style>"),
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><main>{join(*parts)}</main></body></html>\n'


_STYLE = """
:root { --ink: #1d2329; --soft: #59636e; --paper: #fff; --panel: #f5f7f8; --line: #d9dfe4; --mark: #0b63a5;
  --warn: #8a4b00; --warn-panel: #fff6e6 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaee; --soft: #a3adb8; --paper: #14181c; --panel: #1d2328; --line: #353d45; --mark: #79bcf2;
    --warn: #f0b866; --warn-panel: #2b2314 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif }
main { max-width: 70rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem }
header { border-bottom: 2px solid var(--ink); padding-bottom: 1.25rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .2rem 0 .5rem; font-weight: 650; letter-spacing: -.01em }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .6rem; font-weight: 650 }
h3 { font-size: 1rem; margin: 0 0 .4rem; font-weight: 650 }
h1 b { color: var(--mark); font-weight: inherit }
p { max-width: 46rem; margin: .4rem 0 .9rem }
.over { text-transform: uppercase; letter-spacing: .08em; font-size: .75rem; color: var(--soft); margin: 0 }
.soft, caption, dt { color: var(--soft) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0 }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem }
.tile strong { display: block; font-size: 1.45rem; line-height: 1.3; font-variant-numeric: tabular-nums }
.tile span { color: var(--soft); font-size: .87rem }
.tile strong span { font-size: inherit } .tile .change { color: inherit }
.note { border-left: 4px solid var(--warn); background: var(--warn-panel); padding: .7rem 1rem; margin: 1rem 0;
  max-width: none; border-radius: 0 6px 6px 0 }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; margin: .75rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .87rem }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; border-bottom: 1px solid var(--line) }
thead th { background: var(--panel); font-weight: 600; white-space: nowrap }
tbody td:first-child { min-width: 3.5rem }
tbody tr:last-child td { border-bottom: 0 }
.num { text-align: right; font-variant-numeric: tabular-nums }
.text { min-width: 16rem; max-width: 34rem; overflow-wrap: anywhere; white-space: pre-line }
.details { min-width: 8.5rem; max-width: 20rem; overflow-wrap: anywhere }
.picture { display: block; height: 3rem; max-width: 12rem; object-fit: contain; object-position: left }
.picture.large { height: 10rem; max-width: 100% } .coarse { image-rendering: pixelated }
.values { width: auto; font-size: .87rem } .values th, .values td { padding: .1rem .9rem .1rem 0; border: 0 }
.values thead th { background: none; color: var(--soft); font-weight: 400 }
td .values { font-size: inherit } .values td { font-variant-numeric: tabular-nums }
time, .chance { white-space: nowrap; font-variant-numeric: tabular-nums }
.change { font-variant-numeric: tabular-nums }
.chance svg { vertical-align: -3px }
.rail { stroke: var(--line); stroke-width: 2 } .tick { stroke: var(--soft); stroke-width: 1.2 }
.move { stroke: var(--mark); stroke-width: 2 } .old { fill: var(--paper); stroke: var(--mark); stroke-width: 1.5 }
.new { fill: var(--mark) }
.up { fill: var(--mark) } .down { fill: var(--paper); stroke: var(--mark); stroke-width: 1.4 }
.card { border: 1px solid var(--line); border-radius: 6px; padding: 1rem 1.1rem; margin: .9rem 0 }
.card .text { max-width: none; margin-bottom: .6rem }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .5rem 1.5rem; margin: .75rem 0 }
dl div { border-top: 1px solid var(--line); padding-top: .35rem }
dt { font-size: .8rem } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
.quoted { border-left: 3px solid var(--mark); padding: .2rem 0 .2rem 1rem; max-width: 46rem; margin: 0 0 1.2rem }
.explained { grid-template-columns: 1fr; max-width: 46rem; gap: 0 }
.explained div { display: grid; grid-template-columns: 14rem 1fr; gap: .2rem 1.5rem; padding: .6rem 0 }
.explained dt { font-size: .87rem; padding-top: .1rem }
.explained p { color: var(--soft); font-size: .87rem; margin: .1rem 0 0 }
@media (max-width: 40rem) { .explained div { grid-template-columns: 1fr } }
ul { max-width: 46rem; padding-left: 1.2rem; margin: .4rem 0 } li { margin: .35rem 0 }
code { font: .85em ui-monospace, "Cascadia Mono", Menlo, monospace; overflow-wrap: anywhere }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .75rem; font-size: .87rem }
footer p { color: var(--soft) }
@page { margin: 18mm 16mm }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --panel: #f3f3f3; --line: #bbb; --mark: #0b4f85; --warn: #8a4b00;
    --warn-panel: #fff }
  body { font-size: 10pt } main { max-width: none; padding: 0 }
  .scroll { overflow: visible; border-radius: 0 } .text { min-width: 8rem } .explained div { padding: .3rem 0 }
  tr, li, .tile, .note, dl div { break-inside: avoid } h1, h2, h3 { break-after: avoid }
  thead { display: table-header-group } tbody tr:first-child { break-before: avoid }
}
"""
