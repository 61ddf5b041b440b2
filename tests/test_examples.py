"""The example notebooks run from top to bottom and end as they say."""

from __future__ import annotations

import re
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


def of_your_own(**settings: object) -> dict[str, object]:
    """What the first two cells of the notebook for one's own CSV make, with other settings."""
    cells = [cell.source for cell in nbformat.read(EXAMPLES / "your_own_csv.ipynb", as_version=4).cells]
    made: dict[str, object] = {}
    exec(cells[1], made)  # noqa: S102 - the notebook's own code
    exec(cells[2], made | settings)  # noqa: S102
    return made


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SEPARATOR": ";"}, 'is not written in utf-8. Set ENCODING above to "latin-1" or "cp1252".'),
        ({"ENCODING": "latin-1"}, "Set SEPARATOR above."),
        (
            {"ENCODING": "latin-1", "SEPARATOR": ";", "TEXT": "texte"},
            "has no column ['texte']; it has ['text', 'label'].",
        ),
        (
            {"ENCODING": "latin-1", "SEPARATOR": ";", "CLASS": "prise"},
            "No row has the label 'prise'. Set CLASS above to one of ['praise', 'complaint', 'question'].",
        ),
        (
            {"ENCODING": "latin-1", "SEPARATOR": ";"},
            "each on 2 rows at least; got 3, the rarest 'question' on 1. Leave out rows of rare labels, or set CLASS",
        ),
    ],
)
@pytest.mark.parametrize("commas", ["", ", quel, dommage"])
def test_your_own_csv_says_what_does_not_fit(
    settings: dict[str, object], said: str, commas: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"text;label\ndéjà vu;praise\nété{commas};complaint\noù;question\n", encoding="latin-1")
    with pytest.raises(ValueError, match=re.escape(said)):
        of_your_own(PATH=str(path), **settings)


def test_your_own_csv_says_how_many_rows_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.csv"
    lines = ["text,label", "good,praise", "bad,complaint", "so so,neither", ",praise", "fine,"]
    path.write_text("\n".join([*lines, *lines[1:4]]))
    of_your_own(PATH=str(path))
    assert "8 rows read, 2 of them left out: 'text' or 'label' is missing there." in capsys.readouterr().out
