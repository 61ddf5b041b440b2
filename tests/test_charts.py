"""Charts: their data are the workbench's numbers, their look holds in grey and in the dark, their files are whole."""

from __future__ import annotations

import builtins
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from relabel_widget import save_chart
from relabel_widget.charts import by_dash, by_fill, by_shape, finish, theme

NASTY = "</script><script>alert(1)</script> %bundle% <!-- \u2028 Ünï"
PAPERS = {"white": "#ffffff", "ours": theme.INK["dark"]["paper"], "JupyterLab's": "#333333"}


@pytest.fixture
def chart() -> Any:
    data = pd.DataFrame({"x": [1, 2, 3], "y": [3.0, 1.0, 2.0], "kind": ["a", "b", NASTY]})
    marks = alt.Chart(data, title=NASTY).mark_point().encode(x="x:Q", y="y:Q", **by_shape("kind", "Kind", ["a", "b"]))
    return finish(marks)


def luminance(colour: str) -> float:
    """Of WCAG 2: linear light weighted by how bright each primary looks."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# --- look


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("colour", theme.COLOURS)
def test_marks_stand_out_on_every_paper(colour: str, paper: str) -> None:
    assert contrast(colour, PAPERS[paper]) >= 3


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize(("ink", "least"), [("ink", 7), ("soft", 4.5), ("edge", 3)])
def test_words_can_be_read(paper: Any, ink: str, least: float) -> None:
    colours = theme.INK[paper]
    assert contrast(colours[ink], colours["paper"]) >= least


@pytest.mark.parametrize(("encode", "channel"), [(by_shape, "shape"), (by_dash, "strokeDash"), (by_fill, "stroke")])
def test_a_category_has_a_second_sign_beside_its_colour(encode: Any, channel: str) -> None:
    encodings = encode("kind", "Kind", ["b", "a"])
    drawn = alt.Chart(pd.DataFrame({"kind": ["a", "b"]})).mark_point().encode(**encodings).to_dict()["encoding"]
    for one in ("fill" if encode is by_fill else "color", channel):
        assert drawn[one]["scale"]["domain"] == ["b", "a"]
        assert drawn[one]["title"] == "Kind"
        range_ = drawn[one]["scale"]["range"]
        assert len(range_) == 2
        assert range_[0] != range_[1]


def test_too_many_categories_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 5 categories of 'kind' in one chart, got 6\. Draw one chart for"):
        by_shape("kind", None, list("abcdef"))


# --- in a notebook


def test_a_notebook_is_given_what_it_can_draw_by_itself(chart: Any) -> None:
    shown, metadata = chart._repr_mimebundle_()
    assert set(shown) == {"application/vnd.vegalite.v5+json", "image/png", "text/plain"}
    spec = shown["application/vnd.vegalite.v5+json"]
    assert "/v5.json" in spec["$schema"]
    assert spec["config"]["title"]["anchor"] == "start"
    assert "background" not in spec["config"]  # the notebook's own theme brings paper and ink
    assert metadata["application/vnd.vegalite.v5+json"]["embed_options"]["actions"]["editor"] is False


def test_a_chosen_renderer_stays_in_force(chart: Any) -> None:
    with alt.renderers.enable("json"):
        assert "application/json" in chart._repr_mimebundle_()[0]


def test_a_finished_chart_is_still_an_altair_chart(chart: Any) -> None:
    wider = chart.properties(width=123)
    assert isinstance(wider, alt.Chart)
    assert "image/png" in wider._repr_mimebundle_()[0]
    assert (chart | wider).to_dict()["hconcat"][1]["width"] == 123


# --- files


@pytest.mark.parametrize("scale", [1, 2])
def test_png(chart: Any, tmp_path: Path, scale: int) -> None:
    data = save_chart(chart, tmp_path / "c.PNG", scale=scale).read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    width = int.from_bytes(data[16:20])
    assert 300 * scale < width < 900 * scale


@pytest.mark.parametrize("paper", ["light", "dark"])
def test_svg(chart: Any, tmp_path: Path, paper: Any) -> None:
    path = save_chart(chart, tmp_path / "c.svg", theme=paper)
    assert path == tmp_path / "c.svg"
    tree = ET.parse(path)  # noqa: S314
    assert theme.INK[paper]["paper"] in path.read_text("utf-8")
    assert NASTY.replace("\u2028", "").split()[0] in "".join(tree.getroot().itertext())
    assert not re.findall(r"<script|href=", path.read_text("utf-8"))


def test_html_is_one_file_in_which_texts_are_texts(chart: Any, tmp_path: Path) -> None:
    text = save_chart(chart, tmp_path / "c.html").read_text("utf-8")
    assert text.count("<script") == text.count("</script>") == 1
    assert "default-src 'none'" in text
    assert "%spec%" not in text
    assert "https://cdn" not in text


def test_saving_by_the_charts_own_method(chart: Any, tmp_path: Path) -> None:
    chart.save(tmp_path / "one.html")
    assert (tmp_path / "one.html").read_text("utf-8") == save_chart(chart, tmp_path / "two.html").read_text("utf-8")
    chart.save(tmp_path / "three.json")
    assert "$schema" in (tmp_path / "three.json").read_text("utf-8")


def test_any_chart_can_be_saved_also_a_long_one(tmp_path: Path) -> None:
    """Altair refuses more than 5,000 lines where they would go into a notebook."""
    many = alt.Chart(pd.DataFrame({"x": range(6000)})).mark_tick().encode(x="x:Q")
    text = save_chart(many | many, tmp_path / "c.svg").read_text("utf-8")
    assert text.count("<path") + text.count("<rect") > 12_000


# --- errors


def test_another_ending(chart: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"save_chart: expected a path ending in \.png, \.svg, \.html, got .*c\.gif"):
        save_chart(chart, tmp_path / "c.gif")


def test_another_theme(chart: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='save_chart: expected theme "light" or "dark", got \'blue\''):
        save_chart(chart, tmp_path / "c.svg", theme="blue")  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_another_scale(chart: Any, tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match="save_chart: scale: expected a finite number above 0, got"):
        save_chart(chart, tmp_path / "c.png", scale=scale)


def test_not_a_chart(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"save_chart: expected an altair chart, as Workbench.chart returns, got dict"):
        save_chart({}, tmp_path / "c.png")


def test_data_from_a_network_are_refused(tmp_path: Path) -> None:
    far = alt.Chart("http://127.0.0.1:9/data.json").mark_point().encode(x="x:Q")
    with pytest.raises(ValueError, match="save_chart: the chart cannot be drawn without a network"):
        save_chart(far, tmp_path / "c.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(chart: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="save_chart: there is no folder"):
        save_chart(chart, tmp_path / "no" / "c.svg")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a package impossible to import."""
    real = builtins.__import__

    def take(name: str) -> None:
        def refuse(asked: str, *args: Any, **kwargs: Any) -> Any:
            if asked.partition(".")[0] == name:
                raise ImportError(f"No module named {name!r}")
            return real(asked, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", refuse)

    return take


def test_without_altair(chart: Any, tmp_path: Path, without: Any) -> None:
    without("altair")
    words = r'save_chart: charts need altair, which is not installed\. Run: pip install "relabel-widget\[charts\]"'
    with pytest.raises(ImportError, match=words):
        save_chart(chart, tmp_path / "c.png")


def test_without_vl_convert(chart: Any, tmp_path: Path, without: Any) -> None:
    without("vl_convert")
    words = r'charts need vl-convert-python, which is not installed\. Run: pip install "relabel-widget\[charts\]"'
    with pytest.raises(ImportError, match=words):
        save_chart(chart, tmp_path / "c.png")
    shown, _ = chart._repr_mimebundle_()
    assert set(shown) == {"application/vnd.vegalite.v5+json", "text/plain"}
