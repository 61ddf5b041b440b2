"""The example notebooks run from top to bottom and end as they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import relabel_widget as rw

EXAMPLES = Path(__file__).parents[1] / "examples"


# The kernel's client warns about its own transport and event loop; neither is ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["quickstart.ipynb", "four_classes.ipynb", "your_own_csv.ipynb"])
def test_notebook_runs(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "data", tmp_path / "data")
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are committed without outputs"
    here = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=here).execute()
    printed = "".join(out.get("text", "") for cell in notebook.cells for out in cell.get("outputs", []))
    if name == "quickstart.ipynb":
        assert "5 of 5 repaired labels were wrong indeed" in printed
        assert len((tmp_path / "corrected_labels_script.csv").read_text().splitlines()) == 6
        assert "naive Bayes: FlipSet(size=4, verified=True, lower_bound=4" in printed
    elif name == "four_classes.ipynb":
        assert "to any class: 2 rows, called ['sport', 'sport']\nto science: 3 rows" in printed
        assert "3 of 3 corrections are right." in printed
        corrected = rw.read_labels(tmp_path / "corrected_news_script.csv")
        assert corrected["corrected"].tolist() == ["science", "business", "science"]
    else:
        assert "flips the prediction" in printed
        assert (tmp_path / "relabel_decisions.sqlite").exists()
