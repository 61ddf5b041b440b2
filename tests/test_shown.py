"""What a notebook shows of an object: one line of text, and a small card of escaped HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

import relabel_widget as rw
from relabel_widget.facts import proba, probabilities
from relabel_widget.files.cards import card

HOSTILE = "<script>alert(1)</script>"
rng = np.random.default_rng(0)
X = rng.poisson(1.0, size=(60, 4)).astype(float)
Y = np.where(X[:, 0] + rng.normal(size=60) > 1, HOSTILE, "<b>calm & quiet</b>")
GROUPS = np.where(np.arange(60) % 2 == 0, "<i>a</i>", "b\nc")
FIT = rw.fit(X, Y)
BAYES = rw.adopt(MultinomialNB().fit(X, Y), X, Y)
MULTINOMIAL = rw.fit(X, np.arange(60) % 3)

MADE: dict[str, tuple[str, Callable[[], Any]]] = {
    "Fit": ("60 rows, 4 features", lambda: FIT),
    "BayesFit": ("Multinomial, 60 rows, 4 features", lambda: BAYES),
    "FlipSet": ("size=", lambda: rw.find_flip_set(FIT, X[0])),
    "FlipSet of a naive Bayes": ("size=", lambda: rw.find_flip_set(BAYES, X[0])),
    "FlipSet without rows": ("size=0", lambda: rw.find_flip_set(FIT, X[0], budget=0)),
    "Verification": ("of 20 predictions flipped; refit of the minimiser", lambda: rw.verify(FIT, [1, 2], X[:20])),
    "Verification of K classes": ("of 20 predictions", lambda: rw.verify(MULTINOMIAL, [1], X[:20], labels=[0])),
    "Repair": ("achieved=", lambda: rw.repair(FIT, X[:6], Y[:6])),
    "Repair of K classes": ("achieved=", lambda: rw.repair(MULTINOMIAL, X[:6], np.arange(6) % 3)),
    "Repair without rows": ("size=0", lambda: rw.repair(FIT, X[:2], FIT.classes[(FIT.proba(X[:2]) > 0.5).astype(int)])),
    "RepairExplanation": ("tables: serves, patterns, collateral", lambda: rw.repair(FIT, X[:6], Y[:6]).explain()),
    "Workbench": (
        "60 training rows, 10 test rows, classes=['<b>calm & quiet</b>', '<script>alert(1)</script>'], "
        "0 labels changed",
        lambda: rw.Workbench(FIT, X, Y, X[:10]),
    ),
    "NoiseAudit": (
        "mean sizes",
        lambda: rw.noise_audit(GROUPS, X[:10], fit=FIT, permutations=19, method="first-order", n_jobs=1),
    ),
    "NoiseAudit without permutations": (
        "mean sizes",
        lambda: rw.noise_audit(GROUPS, X[:10], fit=FIT, permutations=0, method="first-order", n_jobs=1),
    ),
    "GroupAudit": (
        "flip sets of 10 queries; training group ",
        lambda: rw.group_audit(FIT, X[:10], GROUPS, resamples=99, n_jobs=1),
    ),
    "RobustnessCurve": ("10 queries, relabel", lambda: rw.robustness_curve(FIT, X[:10], n_jobs=1)),
}


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", MADE)
def test_an_object_is_shown_as_one_line_and_as_a_card(name: str) -> None:
    words, make = MADE[name]
    made = make()
    kind = name.split(maxsplit=1)[0]
    assert type(made).__name__ == kind
    assert repr(made).startswith(f"{kind}(")
    assert words in repr(made)
    assert "\n" not in repr(made)
    assert len(repr(made)) < 600
    page = Page(made._repr_html_())
    assert page.text.startswith(kind)
    assert set(page.tags) <= {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.attributes <= {"style", "scope", "dir"}
    assert len(made._repr_html_()) < 16_000


def test_a_card_says_of_which_class_its_probabilities_are() -> None:
    """A new user read "0.123 → 0.559" and "yes, of the minimiser" and knew neither of what."""
    for fit in (FIT, BAYES, MULTINOMIAL):
        found = rw.find_flip_set(fit, X[3])
        assert found.verified
        of = fit.classes[1] if len(fit.classes) == 2 else found.predicted_before
        assert found.proba_class == of
        assert fit.proba(X[3:4]).reshape(1, -1)[0, -1 if len(fit.classes) == 2 else of] == pytest.approx(
            found.proba_before
        )
        page = Page(found._repr_html_()).text
        assert f"Probability of {of}" in page
        assert f"{found.predicted_before} → {found.predicted_after}" in page
        assert "yes, of the model at its exact minimum" in page
        assert f"P({of}) 0." in repr(found)
    assert f"Probabilitiesof {HOSTILE}"[:30] in Page(rw.verify(FIT, [1], X[:5])._repr_html_()).text


def test_the_card_of_a_repair_shows_what_to_relabel_and_what_became_of_the_queries() -> None:
    found = rw.repair(FIT, X[:20], Y[:20])
    assert found.verified
    page = Page(found._repr_html_()).text
    assert ", ".join(map(str, found.rows.tolist()[:3])) in page
    assert f"Queries as wanted{found.achieved.sum()} of 20" in page
    assert "predicted after" in page
    explained = found.explain()
    assert str(explained.serves["row"][0]) in Page(explained._repr_html_()).text


def test_names_of_classes_and_groups_are_shown_as_they_are() -> None:
    assert HOSTILE in Page(FIT._repr_html_()).text
    audit = MADE["NoiseAudit"][1]()
    assert "<i>a</i>" in Page(audit._repr_html_()).text


def test_a_card_is_small_whatever_it_shows() -> None:
    import pandas as pd

    table = pd.DataFrame({"text": ["long " * 1000] * 500, "share": np.full(500, 1 / 3)})
    page = Page(card("Name", [("Fact", "x" * 5000)], table))
    assert len(page.text) < 3000
    assert "… 492 more lines" in page.text
    assert "0.3333" in page.text


def test_a_workbench_says_how_many_labels_are_changed() -> None:
    bench = rw.Workbench(FIT, X, Y, X[:10])
    bench.relabel(3)
    assert repr(bench).endswith(", 1 label changed)")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (0.25, 0.75, ("0.250", "0.750")),
        (0.50004, 0.49996, ("0.50004", "0.49996")),
        (0.5, 0.5, ("0.500", "0.500")),
        (0.99962, 0.3, (">0.999", "0.300")),
        (0.0002, 0.0004, ("0.0002", "0.0004")),
    ],
)
def test_a_change_of_a_probability_can_be_seen(before: float, after: float, shown: tuple[str, str]) -> None:
    assert probabilities(before, after) == shown


def test_what_is_not_certain_never_rounds_to_certainty() -> None:
    assert [proba(value) for value in (0, 0.0004, 0.5, 0.9996, 1)] == ["0.000", "<0.001", "0.500", ">0.999", "1.000"]


def test_the_names_that_dir_lists_are_public_and_lead_somewhere() -> None:
    assert dir(rw) == sorted([*rw.__all__, "__version__"])
    for name in dir(rw):
        assert getattr(rw, name).__doc__


def test_help_names_the_functions_that_matter() -> None:
    assert rw.__doc__ is not None
    named = re.findall(r"^    ``(\w+)\(", rw.__doc__, flags=re.MULTILINE)
    assert len(named) == len(set(named)) == 11
    assert set(named) <= set(rw.__all__)
