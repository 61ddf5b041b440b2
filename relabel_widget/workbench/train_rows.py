"""The training rows as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._typing import AnyArray, IntArray
from ..files.characters import readable_values
from ..inputs import Names, Reader, count_rows, materialised, reader, row_digests, text_column
from ..journal import Mark, Rows, State
from ..problem import Labels

if TYPE_CHECKING:
    import pandas as pd

    from .findings import Ranking


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """The training rows and their labels as the estimator takes them, and how people know them.

    ``rows``, ``y`` and ``texts`` are held by reference, ``ids`` is of shape (n_rows,), read-only, and ``text`` goes by
    row number. ``texts`` is what was given to be read in place of the rows, and ``are_named`` whether ids were given.
    """

    rows: Any
    y: Any
    ids: AnyArray
    text: Reader
    texts: Any
    are_named: bool

    @classmethod
    def of(cls, train: Any, y_train: Any, ids: Any, texts: Any, *, names: Names, encoding: str) -> Self:
        """Training rows as callers hold them, checked; ``names`` and ``encoding`` as `reader` takes them.

        Raises
        ------
        ValueError, TypeError
            If labels, ids or texts do not fit the rows.
        """
        train = materialised(train, who="Workbench: train")
        y_train = materialised(y_train, who="Workbench: y_train")
        n_rows = count_rows(train, who="Workbench: train")
        n_labels = count_rows(y_train, who="Workbench: y_train")
        if n_labels != n_rows:
            raise ValueError(f"Workbench: expected one label for each of the {n_rows} rows of train, got {n_labels}.")
        texts = materialised(texts, who="Workbench: train_text")
        text = reader(
            train,
            texts,
            n_rows,
            names=names,
            encoding=encoding,
            who="Workbench: train_text",
        )
        named = _ids(materialised(ids, who="Workbench: ids"), n_rows)
        return cls(train, y_train, named, text, texts, ids is not None)

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return len(self.ids)

    def identities(self, labels: Labels) -> Rows:
        """By what stores find these rows again: their ids and contents, and their original labels."""
        content = self.rows if self.texts is None else self.texts
        return Rows(
            lambda: row_digests(content, self.n_rows),
            None if self.texts is None else lambda: row_digests(self.rows, self.n_rows),
            self.ids if self.are_named else None,
            labels.classes,
            labels.original,
        )

    def table(
        self, rows: IntArray, ranking: Ranking, margin: float, in_flip_set: IntArray, labels: Labels, state: State
    ) -> pd.DataFrame:
        """Some rows with their influence, as `Workbench.influential_rows` describes them.

        Parameters
        ----------
        rows
            Training rows to show, in order.
        ranking
            Of every training row.
        margin
            Of the test row, in log-odds, which the influences change.
        in_flip_set
            Training rows of the flip set.
        labels, state
            The original labels, and what was decided since.
        """
        import pandas as pd

        known, influence = self.known(rows, labels, state), ranking.influence[rows]
        return pd.DataFrame(
            {
                **{name: known[name] for name in ("row", "id", "text", "original", "current")},
                "suggested": labels.decode(ranking.suggested[rows]),
                "influence": influence,
                "share": -influence / margin if margin else np.nan,
                "in_flip_set": np.isin(rows, in_flip_set),
                "relabelled": [row in state.overlay for row in rows.tolist()],
                **{name: known[name] for name in ("decision", "annotator", "note")},
            }
        )

    def known(self, rows: IntArray, labels: Labels, state: State) -> pd.DataFrame:
        """Some rows with what was decided about them, as `Workbench.train_rows` describes them."""
        import pandas as pd

        original = labels.original[rows]
        said = [state.overlay.get(row) or state.judged.get(row) for row in rows.tolist()]
        current = [one.code if isinstance(one, Mark) else code for code, one in zip(original, said, strict=True)]
        return pd.DataFrame(
            {
                "row": rows,
                "id": self.ids[rows],
                "text": [self.text(row) for row in rows.tolist()],
                "original": labels.decode(original),
                "current": labels.decode(np.array(current, dtype=np.int64)),
                "decision": pd.Series([state.decision(row) for row in rows.tolist()], dtype="str"),
                "annotator": pd.Series(["" if one is None else one.annotator for one in said], dtype="str"),
                "note": pd.Series(["" if one is None else one.note for one in said], dtype="str"),
            }
        )


def _ids(ids: Any, n_rows: int) -> AnyArray:
    """Ids as a read-only array; row numbers if None.

    Raises
    ------
    ValueError
        If there is not one for each row, one is missing, or two are alike.
    """
    import pandas as pd

    if ids is None:
        return _read_only(np.arange(n_rows))
    ids = text_column(ids)
    found = count_rows(ids, who="Workbench: ids")
    if found != n_rows or getattr(ids, "ndim", 1) != 1:
        shape = getattr(ids, "shape", (found,))
        raise ValueError(f"Workbench: expected one id for each of the {n_rows} rows of train, got shape {shape}.")
    try:
        index = pd.Index(ids, tupleize_cols=False)
    except UnicodeEncodeError:  # half of a surrogate pair
        index = pd.Index(ids, tupleize_cols=False, dtype=object)
    if index.dtype == object:
        index = pd.Index(readable_values(index.to_numpy()), tupleize_cols=False)
    if index.hasnans:
        raise ValueError(f"Workbench: expected an id for every row, got none for row {int(np.argmax(index.isna()))}.")
    if not index.is_unique:
        twice = index[index.duplicated()].tolist()[0]
        raise ValueError(f"Workbench: expected ids with no two alike, got {twice!r} more than once.")
    return _read_only(index.to_numpy())


def _read_only(values: AnyArray) -> AnyArray:
    view = values.view()
    view.flags.writeable = False
    return view


def check_row(row: Any, n_rows: int, *, who: str, what: str) -> int:
    """A row number as int.

    Raises
    ------
    TypeError
        If it is not a whole number.
    IndexError
        If there is no such row. Negative numbers do not count from the end.
    """
    if isinstance(row, (bool, np.bool_)) or not isinstance(row, (int, np.integer)):
        raise TypeError(f"{who}: expected the number of a {what} row, got {row!r}.")
    if not 0 <= row < n_rows:
        raise IndexError(f"{who}: expected a {what} row from 0 to {n_rows - 1}, got {row}.")
    return int(row)


def with_first(order: IntArray, first: IntArray, start: int, count: int) -> IntArray:
    """``count`` rows from place ``start`` on of an order, in which some rows come first."""
    rest = order[: start + count + len(first)]
    return np.concatenate([first, rest[~np.isin(rest, first)]])[start : start + count]
