"""What training and test rows look like: which kind of content each has, made only when a row is shown."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from scipy import sparse

from .._typing import AnyArray, FloatArray
from ..arguments import shown
from ..design import Design
from ..facts import clip
from ..fits import AnyFit
from ..inputs import Cells, Reader, cells_of, column_names, raw_row
from .contributions import Contributions
from .row_content import Content, Image, Table, Text, content_of, image_of, table_of

Render = Callable[[Any, str, int], Any]

_SAMPLE = 256  # training rows whose values tell how dark and how bright pixels are
_KEPT = 128  # values of a render that are kept
_KEPT_BYTES = 2**18  # of each


@dataclass(frozen=True, eq=False)
class Side:
    """The rows of one side.

    Attributes
    ----------
    name
        ``"train"`` or ``"test"``.
    rows
        As they were brought.
    text, is_read
        What gives the text of a row, and whether people gave these texts to be read in place of the rows.
    fit, design
        The fit, and the rows as its features.
    """

    name: str
    rows: Any
    text: Reader
    is_read: bool
    fit: AnyFit
    design: Design

    @cached_property
    def cells(self) -> Cells | None:
        """What gives the values of a row by name; None where the row is read or has none."""
        return None if self.is_read else cells_of(self.rows, self.fit.column_names)

    def one(self, row: int) -> Design:
        """One row as the model's features."""
        return self.design.take(np.array([row], dtype=np.int64))


@final
class Looks:
    """Says what a row looks like: by the render that people gave, else an image, a text, or a table of its values.

    Parameters
    ----------
    train, test
        The rows.
    estimator
        What the fit comes from.
    image_shape, render
        As `Workbench` takes them.

    Raises
    ------
    TypeError, ValueError
        If ``render`` cannot be called, or no row has as many values as an image of this shape.
    """

    def __init__(self, train: Side, test: Side, estimator: Any, *, image_shape: Any, render: Render | None) -> None:
        if render is not None and not callable(render):
            raise TypeError(
                "Workbench: render: expected something to call with a row, its side and its number, got "
                f"{shown(render)}."
            )
        self._train, self._test, self._estimator, self._render = train, test, estimator, render
        self._shape = None if image_shape is None else _image_shape(image_shape, train.rows)
        self._rendered: OrderedDict[tuple[str, int], Any] = OrderedDict()
        self._lock = threading.RLock()

    def train(self, row: int, test_row: int | None, pair: tuple[int, int] | None, *, small: bool) -> Content:
        """A training row, compared with a test row if there is one; parts are of the first of the pair of classes."""
        return self._content(self._train, row, test_row, pair, small)

    def test(self, row: int, pair: tuple[int, int] | None, *, small: bool) -> Content:
        """A test row; the rest as `train`."""
        return self._content(self._test, row, None, pair, small)

    def _content(self, side: Side, row: int, beside: int | None, pair: tuple[int, int] | None, small: bool) -> Content:
        if self._render is None and self._shape is None and getattr(side.rows, "ndim", 2) < 3:
            return Text(side.text(row)) if side.cells is None else self._table(side, row, beside, pair, small)
        try:
            if self._render is None:
                return self._image(side.rows, row, small)
            other = None if beside is None else self._value_of(self._test, beside, quiet=True)
            return content_of(self._value_of(side, row), other, small=small)
        except Exception as error:
            reason = str(error) if isinstance(error, ValueError | TypeError) else ""
            raised = f"{type(error).__name__}{': ' if str(error) else ''}{error}"
            return Text(f"This row cannot be shown: {clip(reason or raised, 300)}.")

    def _value_of(self, side: Side, row: int, *, quiet: bool = False) -> Any:
        """What the render returned for a row. Asked for by one thread at a time."""
        assert self._render is not None
        key = (side.name, row)
        with self._lock:
            if key in self._rendered:
                return self._rendered[key]
            try:
                value = self._render(raw_row(side.rows, row), side.name, row)
            except Exception:
                if quiet:
                    return None
                raise
            if isinstance(value, str | Mapping) or _n_bytes(value) <= _KEPT_BYTES:
                self._rendered[key] = value
                if len(self._rendered) > _KEPT:
                    self._rendered.popitem(last=False)
        return value

    # Images

    def _image(self, rows: Any, row: int, small: bool) -> Image:
        pixels = self._pixels(rows, row)
        if pixels.dtype != np.uint8:
            low, high = self._range
            pixels = np.clip((pixels - low) / (high - low), 0.0, 1.0)
        return image_of(pixels, small=small)

    def _pixels(self, rows: Any, row: int) -> AnyArray:
        one: Any = raw_row(rows, row)
        values = (
            one.toarray() if sparse.issparse(one) else np.asarray(list(one.values()) if isinstance(one, dict) else one)
        )
        values = values if values.dtype == np.uint8 else values.astype(np.float64)
        return values if self._shape is None else values.reshape(self._shape)

    @cached_property
    def _range(self) -> tuple[float, float]:
        """The smallest and the largest pixel of some training rows: what is black and what is white everywhere."""
        rows = np.unique(np.linspace(0, self._train.design.n_rows - 1, _SAMPLE).astype(int)).tolist()
        some: FloatArray = np.stack([self._pixels(self._train.rows, row) for row in rows])
        low, high = float(np.nanmin(some)), float(np.nanmax(some))
        return low, high if high > low else low + 1.0

    # Tables

    def _table(self, side: Side, row: int, beside: int | None, pair: tuple[int, int] | None, small: bool) -> Table:
        test = self._test
        assert side.cells is not None
        other = None if beside is None or test.cells is None else test.cells(beside)
        parts = self._parts(side, row, pair)
        others = {} if beside is None or not parts else self._parts(test, beside, pair)
        about = "" if pair is None else str(side.fit.classes[pair[0]])
        return table_of(side.cells(row), other, (parts, others), about=about, small=small)

    def _parts(self, side: Side, row: int, pair: tuple[int, int] | None) -> Mapping[str, float]:
        return {} if pair is None else self._contributions.of(side.one(row), pair)

    @cached_property
    def _contributions(self) -> Contributions:
        rows, fit = self._train.rows, self._train.fit
        names = column_names(rows)
        if names is None and hasattr(rows, "shape") and len(rows.shape) == 2:
            named = fit.column_names(rows.shape[1])
            names = [f"feature {j}" for j in range(rows.shape[1])] if named is None else list(named)
        return Contributions(fit, self._estimator, [str(name) for name in names or ()])


def _n_bytes(value: Any) -> int:
    return int(getattr(value, "nbytes", len(value) if isinstance(value, bytes | bytearray) else _KEPT_BYTES + 1))


def _image_shape(shape: Any, rows: Any) -> tuple[int, ...]:
    """The shape of images, checked against the rows where these have columns.

    Raises
    ------
    ValueError
        If it is none, or rows have another number of values.
    """
    given = tuple(shape) if isinstance(shape, list | tuple) else ()
    numbers = all(isinstance(each, int | np.integer) and not isinstance(each, bool) and each > 0 for each in given)
    if not numbers or len(given) not in (2, 3) or (len(given) == 3 and given[2] not in (1, 3, 4)):
        raise ValueError(
            "Workbench: image_shape: expected (height, width) or (height, width, channels) with 1, 3 or 4 channels, "
            f"got {shown(shape)}."
        )
    wanted, of_rows = math.prod(given), getattr(rows, "shape", ())
    found = math.prod(of_rows[1:]) if len(of_rows) > 1 else None
    if found is not None and found != wanted:
        raise ValueError(
            f"Workbench: image_shape: expected a shape of {found} values, as many as a training row has, got "
            f"{given} of {wanted}."
        )
    return tuple(int(each) for each in given)
