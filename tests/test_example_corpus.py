"""The texts that ship as examples: sizes, uniqueness, and the labels that are wrong on purpose."""

import re
import runpy
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"
REVIEWS = DATA / "hotel_reviews.csv"
NEWS = DATA / "four_class_news.csv"


@pytest.fixture(scope="module")
def reviews() -> pd.DataFrame:
    return pd.read_csv(REVIEWS, encoding="utf-8", keep_default_na=False)


@pytest.fixture(scope="module")
def train(reviews: pd.DataFrame) -> pd.DataFrame:
    return reviews[reviews["split"] == "train"].reset_index(drop=True)


@pytest.fixture(scope="module")
def test(reviews: pd.DataFrame) -> pd.DataFrame:
    return reviews[reviews["split"] == "test"].reset_index(drop=True)


def test_columns_and_sizes(reviews: pd.DataFrame) -> None:
    assert list(reviews.columns) == ["id", "split", "text", "label", "true_label"]
    assert reviews["split"].value_counts().to_dict() == {"train": 440, "test": 140}
    assert set(reviews["label"]) == set(reviews["true_label"]) == {"praise", "complaint"}


def test_ids_and_texts_are_unique(reviews: pd.DataFrame) -> None:
    assert reviews["id"].is_unique
    assert reviews["id"].str.fullmatch(r"r\d{4}").all()
    assert reviews["text"].str.lower().is_unique
    assert (reviews["text"] == reviews["text"].str.strip()).all()


def test_length_of_reviews(reviews: pd.DataFrame) -> None:
    words = reviews["text"].str.split().str.len()
    assert words.min() >= 8
    assert words.max() <= 30


def test_no_near_duplicates(reviews: pd.DataFrame) -> None:
    words = [frozenset(re.findall(r"\w+", text.lower())) for text in reviews["text"]]
    close = [
        (a, b)
        for (a, s), (b, t) in combinations(zip(reviews["id"], words, strict=True), 2)
        if len(s & t) >= 0.8 * len(s | t)
    ]
    assert close == []


def test_true_labels_are_balanced(train: pd.DataFrame, test: pd.DataFrame) -> None:
    for part in (train, test):
        assert 0.45 <= (part["true_label"] == "praise").mean() <= 0.55


def test_share_of_wrong_training_labels(train: pd.DataFrame) -> None:
    wrong = train["label"] != train["true_label"]
    assert 0.055 <= wrong.mean() <= 0.065


def test_test_labels_are_right(test: pd.DataFrame) -> None:
    assert (test["label"] == test["true_label"]).all()


def test_wrong_labels_cost_predictions(train: pd.DataFrame, test: pd.DataFrame) -> None:
    right = {}
    for column in ("label", "true_label"):
        model = make_pipeline(CountVectorizer(), LogisticRegression(C=1.0, max_iter=1000))
        right[column] = model.fit(train["text"], train[column]).predict(test["text"]) == test["label"]
    assert 0.75 <= right["label"].mean() <= 0.88
    assert right["true_label"].mean() >= right["label"].mean() + 0.02
    assert (right["true_label"] & ~right["label"]).sum() >= 5


@pytest.fixture(scope="module")
def news() -> pd.DataFrame:
    return pd.read_csv(NEWS, encoding="utf-8", keep_default_na=False)


def test_news_are_what_their_script_makes(news: pd.DataFrame) -> None:
    made = runpy.run_path(str(NEWS.with_name("make_news.py")))["news"]()
    pd.testing.assert_frame_equal(news, pd.DataFrame(made)[list(news.columns)], check_dtype=False)


def test_news_have_four_classes_and_few_wrong_labels(news: pd.DataFrame) -> None:
    assert list(news.columns) == ["id", "split", "text", "label", "true_label"]
    assert set(news["label"]) == set(news["true_label"]) == {"world", "sport", "business", "science"}
    assert news["id"].is_unique
    assert news["text"].is_unique
    wrong = news["label"] != news["true_label"]
    assert set(news.loc[wrong, "split"]) == {"train"}
    assert wrong.sum() == 20
    assert news["true_label"].value_counts(normalize=True).between(0.22, 0.28).all()


def test_wrong_labels_of_news_cost_predictions(news: pd.DataFrame) -> None:
    train, test = news[news["split"] == "train"], news[news["split"] == "test"]
    right = {}
    for column in ("label", "true_label"):
        model = make_pipeline(CountVectorizer(), LogisticRegression(C=1.0, max_iter=1000)).fit(
            train["text"], train[column]
        )
        right[column] = model.predict(test["text"]) == test["label"]
    assert (right["true_label"] & ~right["label"]).sum() >= 5
