"""The first flip set of a fresh process on SST-2: the very first, with nothing compiled, and the ones after it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from measuring import Record, show, stopwatch

import relabel_widget as rw

pytestmark = [pytest.mark.benchmark, pytest.mark.data, pytest.mark.timeout(900)]

TIMES = 7


def test_first_flip_set_of_a_process(tmp_path: Path, real_data: Callable[[str], pd.DataFrame], record: Record) -> None:
    """Each time a new copy of the package without bytecode, and no compiled loops: what an installation has on the
    first day. Other packages keep their bytecode, which pip writes when it installs them."""
    texts, child = tmp_path / "texts.csv", Path(__file__).with_name("start_up_child.py")
    real_data("sst2").to_csv(texts, index=False)
    walls: dict[str, list[float]] = {"first process": [], "second process": [], "importing scikit-learn": []}
    for number in range(TIMES):
        place = tmp_path / str(number)
        package = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(rw.__file__).parent, place / "relabel_widget", ignore=package)
        settings = {"PYTHONPATH": str(place), "NUMBA_CACHE_DIR": str(place / "numba"), "OPENBLAS_NUM_THREADS": "1"}
        settings["PYTHONDONTWRITEBYTECODE"] = ""  # whatever it is here
        for name, arguments in (
            ("first process", [child, texts]),
            ("second process", [child, texts]),
            ("importing scikit-learn", ["-c", "import sklearn.linear_model"]),
        ):
            with stopwatch() as watch:
                subprocess.run([sys.executable, *arguments], env=os.environ | settings, cwd=place, check=True)
            walls[name].append(watch.wall)
        assert any((place / "relabel_widget").rglob("*.pyc"))
    medians = {name: float(np.median(each)) for name, each in walls.items()}
    unit = medians["importing scikit-learn"]
    ratio = medians["first process"] / medians["second process"]
    rows = [[name, wall, float(np.max(walls[name])), wall / unit] for name, wall in medians.items()]
    show(f"SST-2, texts to a verified flip set, a process each; {TIMES} times", ["", "s", "worst", "imports"], rows)
    print(f"first / second: {ratio:.2f}")
    first = medians["first process"]
    record.add("first flip set of a process", seconds=first, cpu_seconds=0.0, outcome=1 / ratio, peak_mib=0.0)
    assert ratio <= 1.5
