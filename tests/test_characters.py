"""No character in the data stops the kernel or costs a page: a form feed in one text ended the process at a chart."""

from __future__ import annotations

import html.parser
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from recording_comm import RecordingComm
from sklearn.linear_model import LogisticRegression

import relabel_widget as rw
from relabel_widget.charts.drawable import drawable
from relabel_widget.files.characters import printable, readable, readable_values
from relabel_widget.widget import _protocol as protocol

KILLERS = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))
OTHERS = "".join(map(chr, [127, 0x85, 0x9F, 0xFDD0, 0x1FFFE, 0x10FFFF, 0xDFFF, 0xD800]))
EVIL = f"a{KILLERS}b{OTHERS}c</td>\t\n\U0001f600"
PLAIN = "a" + "\ufffd" * len(KILLERS) + "b" + "\ufffd" * len(OTHERS) + "c</td>\t\n\U0001f600"


@pytest.fixture
def bench() -> rw.Workbench:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.where(X[:, 0] + rng.normal(size=60) > 0, f"yes{EVIL}", f"no{EVIL}")
    model = LogisticRegression().fit(X[:50], y[:50])
    texts, ids = [f"{row}{EVIL}" for row in range(50)], [f"id{row}{EVIL}" for row in range(50)]
    made = rw.Workbench(model, X[:50], y[:50], X[50:], y[50:], train_text=texts, test_text=texts[:10], ids=ids)
    made.relabel(made.flip_set(1).rows, note=EVIL.replace("\ud800", "").replace("\udfff", ""))
    made.verify()
    return made


def test_what_is_replaced() -> None:
    assert printable(EVIL) == PLAIN
    assert readable("\ud83d\ude00 \ud83d") == "\U0001f600 \ufffd"
    assert readable(KILLERS) == KILLERS


def test_arrays_of_texts() -> None:
    plain = np.array(["a", "b"])
    assert readable_values(plain) is plain
    mixed = np.array(["\ud800", 1, None], dtype=object)
    assert readable_values(mixed).tolist() == ["\ufffd", 1, None]
    assert mixed[0] == "\ud800"
    assert readable_values(np.array(["\ud800", "bc"])).tolist() == ["\ufffd", "bc"]


CODE = """
import sys, altair as alt, relabel_widget as rw
from relabel_widget.charts import finish
text = eval(sys.argv[1])
data = alt.Data(values=[{"a": text, "b" + text: 1}, {"a": "b", "b" + text: 2}])
chart = alt.Chart(data, title=text).mark_bar().encode(x="a:N", y=alt.Y(field="b" + text, type="quantitative"))
for one in (chart, finish(chart) | finish(chart)):
    rw.save_chart(one, sys.argv[2] + "/own.png")
    rw.save_chart(one, sys.argv[2] + "/own.svg")
ours = finish(chart)
ours.save(sys.argv[2] + "/ours.png", ppi=72)
for joined in (ours | ours, ours & ours, ours + ours, alt.hconcat(ours, finish(chart.properties(data=data.copy())))):
    joined.save(sys.argv[2] + "/joined.png", ppi=72)
with alt.renderers.enable("svg"):
    ours._repr_mimebundle_()
print("alive")
"""


@pytest.mark.parametrize("text", [KILLERS, OTHERS, "\ufffe"], ids=ascii)
def test_every_chart_is_drawn(text: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", CODE, ascii(text), tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "alive\n", done.stderr[-2000:]


def test_a_specification_is_copied_and_cleaned() -> None:
    spec = {
        "a\x01": ["\x02", {"b": float("nan")}, 1, None],
        "values": "a,b\n" * 5000,
        "text": "x" * 20_000,
        "title": "a\n\rb",
    }
    clean = drawable(spec)
    assert clean["a\ufffd"] == ["\ufffd", {"b": None}, 1, None]
    assert clean["values"] == spec["values"]
    assert len(clean["text"]) == 10_000
    assert clean["title"] == "a b"
    assert drawable({"datasets": {"d": "a,b\n" * 5000}})["datasets"]["d"] == "a,b\n" * 5000
    assert "a\x01" in spec


def test_settings_that_would_end_the_process(tmp_path: Path) -> None:
    chart = alt.Chart(pd.DataFrame({"a": [1], "font": ["<b>"]})).mark_bar().encode(x="a:Q", tooltip="font:N")
    with pytest.raises(ValueError, match=r"save_chart: the chart cannot be drawn: expected font without < and &"):
        rw.save_chart(chart.configure(font="a<b"), tmp_path / "c.png")
    with pytest.raises(ValueError, match=r"expected width of at most 32,768 points, got 1e\+09"):
        rw.save_chart(chart.properties(width=10**9), tmp_path / "c.svg")
    with pytest.raises(ValueError, match="expected a picture of at most 268,435,456 pixels"):
        rw.save_chart(chart, tmp_path / "c.png", scale=10**6)
    assert rw.save_chart(chart, tmp_path / "c.png").exists()


@pytest.mark.parametrize("kind", ["influence", "sizes", "size-probability", "before-after"])
def test_charts_of_a_workbench(bench: rw.Workbench, kind: str, tmp_path: Path) -> None:
    spec = bench.chart(kind, 1 if kind == "influence" else None).to_dict()
    assert not set(KILLERS + OTHERS) & set(json.dumps(spec, ensure_ascii=False, allow_nan=False))
    rw.save_chart(bench.chart(kind, 1), tmp_path / "c.svg")


def test_audits_with_such_groups(bench: rw.Workbench, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    groups = np.array([f"x{EVIL}", f"y{EVIL}"])[rng.integers(0, 2, 50)]
    audit = rw.group_audit(bench.fit, rng.normal(size=(9, 3)), groups, resamples=9, n_jobs=1)
    spec = audit.chart().to_dict()
    filters = [layer["transform"][0]["filter"] for panel in spec["vconcat"] for layer in panel["layer"]]
    names = {each["equal"] for each in filters}
    assert names == {f"x{PLAIN}", f"y{PLAIN}"}
    rw.save_chart(audit.chart(), tmp_path / "c.svg")


class Texts(html.parser.HTMLParser):
    """The texts of a page, and what it holds of each of our characters."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_pages_hold_only_what_html_can(bench: rw.Workbench, tmp_path: Path) -> None:
    widget = rw.RelabelWidget(bench)
    widget.test_row = 1
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    pages = {
        "report": bench.report(tmp_path / "r.html").read_text("utf-8"),
        "snapshot": widget.to_html(tmp_path / "s.html").read_text("utf-8"),
        "fallback": data["text/html"],
    }
    for name, page in pages.items():
        assert not set(KILLERS + OTHERS) & set(Texts(page).text), name
        assert f"yes{PLAIN}".replace("\t", "")[:20] in page, name
        assert "&#x" not in page.replace("&#x27;", ""), name


def test_messages_to_the_page_are_utf8(bench: rw.Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import comm

    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    widget = rw.RelabelWidget(bench)
    widget.test_row = 1
    sent = [widget.get_state()]
    for number, body in enumerate(
        (
            {"kind": "ranking", "row": 1, "set_first": True},
            {"kind": "export", "path": f"{tmp_path}/\udcff.csv", "overwrite": False, "every": False},
            {"kind": "history"},
            {
                "kind": "queue",
                **{"order": "repair", "round": 1, "search": "", "label": None, "suggested": None},
                **{"contradicted": False, "offset": 0, "limit": 100},
            },
        )
    ):
        widget._on_request(widget, {"v": protocol.VERSION, "id": str(number), **body}, [])
    widget._answers.join(30)
    sent += widget.comm.drain()
    assert len(sent) > 3
    assert f"yes{PLAIN}"[:4] in json.dumps(sent, default=str, ensure_ascii=False)
    json.dumps(sent, default=str, ensure_ascii=False).encode()
    assert "\ufffd.csv" in str(sent)
    assert "\ufffd.csv" in bench.history()["details"].iloc[-1]  # a name of bytes that are no UTF-8


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_exports(bench: rw.Workbench, ending: str, tmp_path: Path) -> None:
    path = bench.export(tmp_path / f"x.{ending}")
    content = path.read_bytes()
    assert content
    if ending != "parquet":
        content.decode()
    assert len(bench.corrected_labels()) == len(bench.relabelled)


def test_labels_and_ids_are_made_readable_at_the_door(bench: rw.Workbench) -> None:
    assert all("\ud800" not in label and "\x01" in label for label in bench.classes.tolist())
    assert all("\ud800" not in each for each in bench.ids.tolist())
    row = bench.relabelled[0]
    assert bench.relabel(row, f"yes{EVIL}", note="back") == [row]
    table: Any = bench.suspects()
    assert bench.relabel(int(table["row"][0]), table["suggested"][0], note="as suggested")
