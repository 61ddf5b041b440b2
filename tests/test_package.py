"""The package as outsiders meet it: names, version, and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest

import relabel_widget as rw

CONTRACT = [
    "fit", "adopt", "relabel_influence", "removal_influence", "find_flip_set", "find_flip_sets", "verify",
    "Workbench", "RelabelWidget", "Fit", "FlipSet", "Verification",
]  # fmt: skip


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_version_is_stated_once(repository: Path) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", rw.__version__)
    assert metadata.version("relabel-widget") == rw.__version__
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "relabel_widget/__init__.py"
    homes = [path for path in (repository / "relabel_widget").rglob("*.py") if rw.__version__ in path.read_text()]
    assert [path.name for path in homes] == ["__init__.py"]


def test_the_lowest_versions_that_are_tested_are_the_lower_bounds(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [
        *project["dependencies"],
        *chain(*(extras[name] for name in extras.keys() - {"demo", "bench", "encoder", "test"})),
    ]
    tools = [one for one in extras["test"] if re.match("(pytest|pytest-timeout|hypothesis)==", one)]
    pins = re.findall("^[^#].*", (repository / "tests" / "lowest.txt").read_text(), flags=re.MULTILINE)
    brought = {"polars", "imbalanced-learn"}  # by tests alone: no bound of ours
    assert {name: version for name, version in lowest(pins).items() if name not in brought} == lowest(asked + tools)


def lowest(requirements: list[str]) -> dict[str, tuple[int, ...]]:
    """Each package, with its extras, and the version after the one sign: 1.26 is 1.26.0."""
    versions = {}
    for one in requirements:
        name, version = re.split("[=>]=", one)
        parts = [int(part) for part in version.split(".")]
        versions[name] = (*parts, *[0] * (3 - len(parts)))
    return versions


@pytest.mark.parametrize("name", sorted({*CONTRACT, *rw.__all__}))
def test_public_names(name: str) -> None:
    assert name in rw.__all__
    assert name in dir(rw)
    value = getattr(rw, name)
    assert inspect.isclass(value) or inspect.isfunction(value), f"{name} is a {type(value).__name__}"
    assert inspect.getdoc(value), f"{name} has no docstring"


def test_all_and_dir_are_sorted_and_complete() -> None:
    assert rw.__all__ == sorted(rw.__all__)
    assert {*rw.__all__, "__version__"} <= set(dir(rw))
    assert set(rw._HOMES) == set(rw.__all__)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'relabel_widget' has no attribute 'nothing'"):
        rw.nothing  # noqa: B018


def test_star_import() -> None:
    assert run("from relabel_widget import *; print(fit.__name__, Workbench.__name__)") == "fit Workbench"


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """Importing it would put the module in the function's place, depending on who imported what first."""
    modules = {module.name for module in pkgutil.iter_modules(rw.__path__)}
    assert modules.isdisjoint(rw.__all__)
    for module in pkgutil.walk_packages(rw.__path__, "relabel_widget."):
        importlib.import_module(module.name)
    for name in rw.__all__:
        assert not inspect.ismodule(getattr(rw, name)), name


@pytest.mark.parametrize(
    "later", ["sklearn", "pandas", "anywidget", "ipywidgets", "traitlets", "sqlite3", "sqlalchemy", "scipy", "altair"]
)
def test_importing_the_package_is_quick(later: str) -> None:
    assert run(f"import sys, relabel_widget; print({later!r} in sys.modules)") == "False"


@pytest.mark.parametrize("later", ["sklearn", "pandas", "anywidget", "ipywidgets", "sqlite3", "sqlalchemy", "altair"])
def test_the_engine_needs_neither_scikit_learn_nor_a_notebook(later: str) -> None:
    code = (
        "import sys, relabel_widget as rw; found = rw.find_flip_set(rw.fit([[-1.], [1.], [2.]], [0, 1, 1]), [3.]); "
        f"print({later!r} in sys.modules, found.found)"
    )
    assert run(code) == "False True"


def test_each_name_can_be_the_first_to_be_imported() -> None:
    for name in rw.__all__:
        assert run(f"from relabel_widget import {name}; print({name}.__name__)") == name


def test_every_outcome_is_a_sentence() -> None:
    for outcome in rw.Outcome:
        assert isinstance(outcome, str)
        assert str(outcome)[0].isupper()
        assert str(outcome).endswith(".")
    assert len({str(outcome) for outcome in rw.Outcome}) == len(rw.Outcome)
