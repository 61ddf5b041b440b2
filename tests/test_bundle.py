"""The front end that is committed is the one its sources make, and the sources pass their own checks."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JS = ROOT / "js"
STATIC = ROOT / "relabel_widget" / "widget" / "static"
LARGEST = 60_000


def npm(*arguments):
    """Run npm in js/. Without Node this fails with words; nothing is skipped."""
    program = shutil.which("npm")
    if program is None:
        pytest.fail("Node 20 or later with npm is needed to check the front end. Install it, or run these tests on CI.")
    if not (JS / "node_modules").is_dir():
        pytest.fail("js/node_modules is missing. Run `npm ci` in js/ first (`make test` does).")
    done = subprocess.run([program, *arguments], cwd=JS, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"npm {' '.join(arguments)} failed:\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout


def test_the_committed_bundle_is_what_the_sources_make(tmp_path):
    npm("run", "build", "--", str(tmp_path))
    built = sorted(path.name for path in tmp_path.iterdir())
    assert built == sorted(path.name for path in STATIC.iterdir()) == ["widget.css", "widget.js"]
    for name in built:
        same = (tmp_path / name).read_bytes() == (STATIC / name).read_bytes()
        assert same, (
            f"{name} differs from what js/src makes. Run `npm run build` in js/ (or `make build`) and commit it."
        )


def test_the_types_of_the_page_are_those_that_python_declares():
    source = runpy.run_path(str(JS / "wire.py"))["source"]()
    same = source == (JS / "src" / "wire.ts").read_text(encoding="utf-8")
    assert same, "js/src/wire.ts differs from what Python declares. Run `make build` and commit it."


def test_names_that_others_know_are_not_shortened():
    """The bundle would look for a field by another name than Python gives it, or for a method that no browser has."""
    done = subprocess.run(["node", "own.mjs"], cwd=JS, capture_output=True, text=True, check=True, timeout=300)
    own = set(done.stdout.split())
    assert {"rowHeight", "onTrial", "subscribe"} <= own
    told = re.findall(r"(?:^  |[{;] )(\w+):", (JS / "src" / "wire.ts").read_text(), flags=re.MULTILINE)
    assert len(told) > 100
    envelope = ["v", "id", "kind", "value", "reason", "message"]
    attributes = ["role", "type", "tabindex", "maxlength", "step", "min", "for", "dir"]
    browser = ["send", "get", "focus", "clientHeight", "preventScroll", "dateStyle", "signal"]
    assert own & {*told, *envelope, *attributes, *browser, "render"} == set()


def test_the_bundle_is_small_and_names_nobody_elses_address():
    script = (STATIC / "widget.js").read_text()
    assert len(script.encode()) <= LARGEST
    assert set(re.findall(r"https?://[^\"'`]*", script)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)


def test_types():
    npm("run", "check")


def test_typescript_tests(tmp_path):
    report = tmp_path / "report.json"
    npm("run", "test", "--", "--reporter=json", f"--outputFile={report}")
    counts = json.loads(report.read_text())
    assert counts["numFailedTests"] == 0
    assert counts["numPassedTests"] == counts["numTotalTests"] > 60


def test_versions_are_exact_and_the_lock_file_records_no_address():
    package = json.loads((JS / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())
    assert "dependencies" not in package
    assert '"resolved"' not in (JS / "package-lock.json").read_text()


def test_sources_are_short():
    written = [path for path in JS.glob("src/**/*.ts") if path.name != "wire.ts"]  # which is made
    long = [path.name for path in written if len(path.read_text().splitlines()) > 250]
    long += [path.name for path in STATIC.parent.glob("*.py") if len(path.read_text().splitlines()) > 400]
    assert long == []


def test_views_never_touch_the_model():
    views = list(JS.glob("src/views/*.ts"))
    assert len(views) > 8
    assert [path.name for path in views if re.search(r"\bmodel\b(?! trained)|anywidget", path.read_text())] == []
