"""What the page is told of a workbench: plain values for JSON, and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.special import expit, logit

from ._pages import Pages, clip, number_or_none, text_or_none

TOP = 200
"""How many training rows a ranking shows, besides the members of the flip set."""

TEXT_IN_RANKING = 600
TEXT_OF_QUERY = 20_000


def plural(number: int, one: str, many: str = "") -> str:
    """``1 row``, ``2 rows``, ``1,000 rows``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def in_words(error: BaseException) -> str:
    """An exception as people read it; its type where it has no words of its own."""
    return str(error).strip().strip("'\"") or f"{type(error).__name__}, without further words"


def classes(workbench: Any) -> list[str]:
    """The two classes as text."""
    return [str(label) for label in workbench.classes]


def state(workbench: Any, *, revision: int, export_path: str, status: str) -> dict[str, Any]:
    """The small state that is synced, and saved with the notebook."""
    return {
        "revision": revision,
        "n_train": int(workbench.n_train),
        "n_test": int(workbench.n_test),
        "classes": classes(workbench),
        "labelled": workbench.y_test is not None,
        "can_undo": bool(workbench.can_undo),
        "can_redo": bool(workbench.can_redo),
        "export_path": export_path,
        "status": status,
        "verification": _verification(workbench),
    }


def _verification(workbench: Any) -> dict[str, Any] | None:
    summary = workbench.verification_summary()
    if summary is None:
        return None
    return {
        "rows": int(summary.n_relabelled),
        "flipped": int(summary.n_flipped),
        "accuracy_before": summary.accuracy_before,
        "accuracy_after": summary.accuracy_after,
    }


def flip_set(found: Any) -> dict[str, Any]:
    """A `FlipSet`, without its labels: the page marks rows, Python knows what they become."""
    return {
        "size": int(found.size),
        "found": bool(found.found),
        "verified": bool(found.verified),
        "outcome": str(found.outcome),
        "proba_before": float(found.proba_before),
        "proba_after": number_or_none(found.proba_after),
        "lower_bound": int(found.lower_bound),
        "optimal": bool(found.optimal),
        "rows": [int(row) for row in found.rows],
    }


def _forecast(workbench: Any, row: int, margin: float) -> dict[str, Any] | None:
    """What the labels changed now do to a test row, to first order; None if none is changed."""
    if not workbench.relabelled:
        return None
    change = float(workbench.predicted_change(row))
    after = margin + change
    return {
        "log_odds": change,
        "proba": float(expit(after + logit(workbench.threshold))),
        "predicted": classes(workbench)[int(after > 0)],
    }


def _train_row(rank: int, line: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "rank": rank,
        "row": int(line["row"]),
        "id": clip(line["id"], 80),
        "text": clip(line["text"], TEXT_IN_RANKING),
        "original": str(line["original"]),
        "current": str(line["current"]),
        "influence": float(line["influence"]),
        "in_set": bool(line["in_flip_set"]),
        "relabelled": bool(line["relabelled"]),
    }


def ranking(workbench: Any, pages: Pages, row: int) -> dict[str, Any]:
    """One test row in full, what is known of it, and the training rows that decide it, its flip set first."""
    line = pages.frame().iloc[row]
    known = workbench.known_flip_set(row)
    lines = workbench.influential_rows(row, top=TOP + (0 if known is None else known.size))
    return {
        "text": clip(workbench.test_text(row), TEXT_OF_QUERY),
        "summary": pages.line(row),
        "verified_predicted": text_or_none(line["verified_predicted"]),
        "flip": None if known is None else flip_set(known),
        "forecast": _forecast(workbench, row, float(line["margin"])),
        "rows": [_train_row(rank, each) for rank, each in enumerate(lines.to_dict("records"), start=1)],
    }


def picked(line: dict[str, Any], second: str) -> str:
    """What choosing a test row says."""
    truth = "" if line["label"] is None else f", true label “{line['label']}”"
    chance = f"probability of “{second}” {line['proba']:.3f}"
    return f"Test row {line['row']} is predicted “{line['predicted']}”{truth} ({chance})."


def found(result: Any, row: int) -> str:
    """How a search for a flip set ended."""
    if not result.found:
        return f"Test row {row}. {result.outcome}"
    size = plural(result.size, "training row")
    if not result.verified:
        return f"Test row {row}. {result.outcome} The set has {size}."
    change = f"probability {result.proba_before:.3f} → {result.proba_after:.3f}"
    return f"Test row {row}. {result.outcome} The set has {size}; {change}."


def retrained(workbench: Any) -> str:
    """What a verification found."""
    summary = workbench.verification_summary()
    flips = f"{summary.n_flipped:,} of {plural(summary.n_test, 'test prediction')} flipped"
    words = f"Retrained with {plural(summary.n_relabelled, 'changed label')}: {flips}."
    if summary.accuracy_before is not None:
        words += f" Accuracy {summary.accuracy_before:.1%} → {summary.accuracy_after:.1%}."
    return words


def changed(number: int, verb: str, total: int) -> str:
    """What marking, undo and redo say."""
    return f"{verb} {plural(number, 'training row')}; {plural(total, 'label')} changed in all."
