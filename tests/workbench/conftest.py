"""A fitted pipeline on the made corpus, and a workbench on it."""

from __future__ import annotations

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from workbench_cases import TEST, TRAIN, Y_TEST, Y

from relabel_widget.workbench.workbench import Workbench


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=2.0, tol=1e-10, max_iter=1000)).fit(TRAIN, Y)


@pytest.fixture
def bench(pipeline: Pipeline) -> Workbench:
    return Workbench(pipeline, TRAIN, Y, TEST, Y_TEST, annotator="ada")
