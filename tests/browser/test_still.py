"""The widget's page to read opens from disk: no request, no script, readable by everyone in light and dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from widget_harness import ARTIFACTS, record_comms, text_pipeline

import relabel_widget as rw

pytestmark = pytest.mark.browser
HOSTILE = (
    "<img src=https://example.org/x.png onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
)


@pytest.fixture
def widget(monkeypatch):
    record_comms(monkeypatch)
    texts = [f"{word} place {number} {HOSTILE}" for number in range(15) for word in ("lovely", "broken")]
    labels = ["praise", "complaint"] * 15
    bench = rw.Workbench(text_pipeline(texts, labels), texts, labels, texts[:12], labels[:12])
    bench.relabel(bench.flip_set(3).rows)
    bench.verify()
    made = rw.RelabelWidget(bench)
    made.test_row = 3
    yield made
    made.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 1200])
def test_it_opens_from_disk(page, widget, tmp_path, scheme, width):
    path = widget.to_html(tmp_path / "still.html")
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())
    expect(page.get_by_role("heading", name="Test row 3", exact=True)).to_be_visible()
    expect(page.get_by_role("table", name="Influential training rows").get_by_role("row")).to_have_count(31)
    expect(page.get_by_role("table", name="Test rows").get_by_role("row")).to_have_count(13)
    expect(page.get_by_text("in the flip set, relabelled").first).to_be_visible()
    expect(page.get_by_text("onerror").first).to_be_visible()
    assert page.title() == "Relabel workbench"
    assert page.locator("script, img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"still-{scheme}-{width}.png", full_page=True)
    assert asked == [path.as_uri()]
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page, widget, tmp_path, scheme):
    """The page's policy forbids axe's script too; without it the page is the same."""
    text = widget.to_html(tmp_path / "still.html").read_text("utf-8")
    page.emulate_media(color_scheme=scheme)
    start = text.index('<meta http-equiv="Content-Security-Policy"')
    page.set_content(text[:start] + text[text.index(">", start) + 1 :])
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
