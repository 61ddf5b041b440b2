"""The steps of a pipeline before its classifier, run one after the other as scikit-learn runs them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from scipy import sparse

from .._typing import AnyArray
from ..design import Design
from ..inputs import (
    check_vectorisable,
    column_names,
    count_rows,
    in_order,
    listed,
    missing_by_column,
    named_rows,
    reads_texts,
    text_column,
)
from .wrappers import is_frozen

# Transformers in these modules of scikit-learn fit to rows alone, unless a tag says that they need the labels.
_BLIND_MODULES = (
    "sklearn.feature_extraction",
    "sklearn.preprocessing",
    "sklearn.decomposition",
    "sklearn.impute",
    "sklearn.random_projection",
    "sklearn.kernel_approximation",
    "sklearn.feature_selection._variance_threshold",
)
_SELECTING = "sklearn.feature_selection"
_ROUNDING = 1e-9  # of the largest value: features that differ by less are the same
_WAYS = ("decision_function", "predict_proba", "predict")  # to predict
_PARTS = ("transformers_", "transformer_list", "steps")  # where scikit-learn's compositions keep their parts


@final
@dataclass(frozen=True, eq=False)
class Steps:
    """Transformers in order, with what was learned when the training rows went through them.

    Attributes
    ----------
    named
        Name and fitted transformer of each step; nested pipelines are unrolled, "passthrough" is left out.
    unchanged
        Names of steps that hand the training rows on as they are, such as a conversion to a dense array.
    """

    named: tuple[tuple[str, Any], ...]
    unchanged: set[str] = field(default_factory=set)

    @property
    def takes_texts(self) -> bool:
        """Whether the first step is known to take texts: a vectoriser, or a union of vectorisers."""
        return _takes_texts(self.named[0][1])

    def __call__(self, rows: Any, *, who: str = "X") -> Any:
        """Features of rows, one for each row.

        Raises
        ------
        ValueError, TypeError
            If rows lack texts or values, a step cannot take them, or a step changes their number.
        """
        rows = self.brought(rows, who)
        if isinstance(rows, Design):
            return rows
        for name, step in self.named:
            rows = _same_number(rows, self._transformed(name, step, rows, who), name, step, who)
        return rows

    def _transformed(self, name: str, step: Any, rows: Any, who: str) -> Any:
        try:
            return step.transform(rows)
        except Exception as error:
            names = getattr(step, "feature_names_in_", None)
            frame = "" if names is None else f", a frame of the columns {listed(names)}"
            raise ValueError(
                f"{who}: step {name!r} ({type(step).__name__}) could not transform these rows ({type(rows).__name__}). "
                f"Pass rows as they were passed to its fit{frame}.{_gaps(rows)} "
                f"It raised {type(error).__name__}: {error}"
            ) from error

    @property
    def cross_fit(self) -> str:
        """Name of the first step that encodes training rows on folds of them; empty if there is none."""
        return next((name for name, step in self.named if cross_fits(step)), "")

    def training(self, rows: Any, y: Any, *, who: str) -> Any:
        """Features of the training rows, as the classifier was fitted on them.

        A transformer that cross-fits, such as ``TargetEncoder``, gives training rows other features than new rows: it
        is cloned and fitted again for them. ``rows`` are as `brought` returns them.
        """
        if isinstance(rows, Design):
            return rows
        for name, step in self.named:
            made = _refitted_rows(step, rows, y) if cross_fits(step) else self._transformed(name, step, rows, who)
            made = _same_number(rows, made, name, step, who)
            if not hasattr(step, "get_feature_names_out") and same_values(rows, made):
                self.unchanged.add(name)
            rows = made
        return rows

    def brought(self, rows: Any, who: str) -> Any:
        """Rows as the first step takes them; a matrix of features in place of texts passes as a design would.

        A frame that has all columns of the fit gets them in the order of the fit.
        """
        if isinstance(rows, Design):
            return rows
        if not self.takes_texts:
            return self._as_read(self._in_order(rows))
        if sparse.issparse(rows) or (isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.dtype.kind in "fiub"):
            from ..design import as_design

            return as_design(rows, who=who)
        is_column = isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == 1
        rows = rows[:, 0] if is_column else text_column(rows)
        check_vectorisable(rows, who=who)
        return rows

    def needed(self, columns: Sequence[Any]) -> list[Any]:
        """Those of a frame's columns that the first step takes: a `ColumnTransformer` by names leaves the others be."""
        used = set[Any]()
        for _, step, chosen in getattr(self.named[0][1], "transformers_", ()):
            if isinstance(step, str) and step == "drop":
                continue
            if isinstance(chosen, slice):
                return list(columns)
            used.update(np.ravel(np.asarray(chosen, dtype=object)).tolist())
        return [name for name in columns if name in used] if used and used <= set(columns) else list(columns)

    def _in_order(self, rows: Any) -> Any:
        expected = getattr(self.named[0][1], "feature_names_in_", None)
        got = None if expected is None else column_names(rows)
        if expected is None or got is None or not set(expected) <= set(got):
            return rows
        return in_order(rows, list(expected), who="X")

    def _as_read(self, rows: Any) -> Any:
        """Rows of pyarrow, of which scikit-learn reads numbers alone, as pandas or a list where the steps need that."""
        if type(rows).__module__ != "pyarrow.lib":
            return rows
        try:
            made = rows[:1]
            for _, step in self.named:
                made = step.transform(made)
        except Exception:  # what a step of somebody's own raises is not known
            return rows.to_pandas() if hasattr(rows, "column_names") else rows.to_pylist()
        return rows

    def names(self, n_features: int) -> list[str] | None:
        """Name of each feature, from the steps that know them; None where one of them loses the names.

        A wrong name is worse than none: placeholders that a step makes up for columns without names do not count.
        """
        names: list[str] | None = None
        lost = False
        for name, step in self.named:
            if name in self.unchanged:
                continue
            needs_names = hasattr(step, "n_features_in_") and not hasattr(step, "feature_names_in_")
            names = None if lost and needs_names else _names_out(step, names)
            lost = names is None
        return names if names is not None and len(names) == n_features else None

    def looks_at_labels(self, rows: Any, y: AnyArray) -> bool:
        """Whether a step makes other features of the training rows when it is fitted to other labels, or just again.

        Cost: nothing for scikit-learn's vectorisers, scalers, encoders and selectors; otherwise two fits of each
        doubtful step, to the labels in a random order and to none: a step that drops one of four columns may well drop
        the same one for labels in another order. ``rows`` are as `brought` returns them.
        """
        if isinstance(rows, Design):
            return False
        doubtful = [step for _, step in self.named if not _is_blind(step) or _is_seedless(step)]
        if any(_selects_by_labels(step) or cross_fits(step) for step in doubtful):
            return True
        if not doubtful:
            return False
        shuffled = np.random.default_rng(0).permutation(y)
        for _, step in self.named:
            made = step.transform(rows)
            if step in doubtful and not all(_makes(made, step, rows, labels) for labels in (shuffled, None)):
                return True
            rows = made
        return False

    def random_step(self, rows: Any, y: AnyArray) -> str:
        """Name of the first step that makes other features each time it is fitted, empty without one.

        Cost: two fits of each step that draws random numbers without a ``random_state``. ``rows`` as for `training`.
        """
        seedless = [name for name, step in self.named if _is_seedless(step)]
        for name, step in self.named if seedless and not isinstance(rows, Design) else ():
            if name in seedless:
                try:
                    first, second = _refitted_rows(step, rows, y), _refitted_rows(step, rows, y)
                except Exception:  # said by the refit that is to confirm a set
                    return ""
                if not same_values(first, second):
                    return name
            if name == seedless[-1]:
                return ""
            rows = step.transform(rows)
        return ""

    def refitted(self, rows: Any, y: Any) -> Any:
        """Features of the training rows as they come out of a fit of the whole pipeline, to the last bit.

        ``transform`` may add up in another order than ``fit_transform``, which an optimiser that is stopped early makes
        much of. ``rows`` are as `brought` returns them.
        """
        for _, step in self.named:
            rows = _refitted_rows(step, rows, y)
        return rows


def unrolled(pipeline: Any, *, who: str) -> tuple[Steps | None, Any]:
    """The steps of a pipeline, and the classifier at its end; no steps outside a pipeline.

    Raises
    ------
    TypeError
        If a step resamples rows, as those of imbalanced-learn do, or cannot transform.
    """
    steps = list(_unrolled(pipeline, ""))
    before = steps[:-1]
    last = steps[-1][1]
    for name, step in before:
        if hasattr(step, "fit_resample"):
            raise TypeError(
                f"{who}: step {name!r} is a sampler ({type(step).__name__}): the classifier was fitted to other rows "
                "than these. Resample first (rows, labels = sampler.fit_resample(rows, labels)), fit a pipeline "
                "without the sampler to the result, and pass those rows and labels. Or pass sample_weight instead."
            )
        if not hasattr(step, "transform"):
            raise TypeError(f"{who}: step {name!r} ({type(step).__name__}) has no transform, so rows end there.")
    return (Steps(tuple(before)) if before else None), last


def own_ways(kind: type) -> list[str]:
    """Ways to predict that a class, or one it derives from, has of its own: not those of the libraries."""
    makers = [each for each in kind.__mro__ if not each.__module__.startswith(("sklearn.", "imblearn.", "builtins"))]
    return [name for name in _WAYS if any(name in vars(each) for each in makers)]


def _unrolled(estimator: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, list) or not hasattr(estimator, "named_steps"):
        yield prefix, estimator
        return
    own = own_ways(type(estimator))
    if own:
        raise TypeError(
            f"adopt: {type(estimator).__name__} predicts by a {own[0]} of its own, so that its probabilities are not "
            "those of its steps. Fit scikit-learn's Pipeline of the same steps."
        )
    for name, step in steps:
        if step is not None and not (isinstance(step, str) and step == "passthrough"):
            # what is in a frozen pipeline is frozen
            kept = type(estimator)(step) if is_frozen(estimator) and not is_frozen(step) else step
            yield from _unrolled(kept, f"{prefix}__{name}" if prefix else name)


def _parts(step: Any) -> Iterator[Any]:
    """A transformer and all that it is composed of, as far as a fit would change it."""
    if is_frozen(step):
        return
    yield step
    for attribute in _PARTS:
        for entry in getattr(step, attribute, ()):
            yield from _parts(entry[1])


def _is_blind(step: Any) -> bool:
    """Whether a transformer and its parts are known not to look at labels."""
    for part in _parts(step):
        composed = type(part).__module__.startswith(("sklearn.compose", "sklearn.pipeline"))
        plain = isinstance(part, str) or type(part).__module__.startswith(_BLIND_MODULES)
        if not (composed or plain) or needs_labels(part):
            return False
    return True


def _selects_by_labels(step: Any) -> bool:
    """Whether a transformer or a part of it is known to choose columns by labels."""
    return any(type(part).__module__.startswith(_SELECTING) and not _is_blind(part) for part in _parts(step))


def _makes(expected: Any, step: Any, rows: Any, labels: AnyArray | None) -> bool:
    """Whether a step that is fitted to these labels makes the expected features of the rows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return same_values(expected, _refitted_rows(step, rows, labels))
    except Exception:  # what cannot be refitted alone may be refitted in its pipeline, or say why not
        return False


def _is_seedless(step: Any) -> bool:
    """Whether a transformer or what it is made of may draw random numbers that cannot be drawn again."""
    if cross_fits(step):
        return True  # it draws folds
    for part in _parts(step):
        try:
            params = part.get_params(deep=True)
        except (AttributeError, TypeError):  # not of scikit-learn, such as "passthrough"
            continue
        if any(name.split("__")[-1] == "random_state" and value is None for name, value in params.items()):
            return True
    return False


def identical(one: Any, other: Any) -> bool:
    """Whether two matrices of features are equal to the last bit, down to the order in which they are stored."""
    if sparse.issparse(one) and sparse.issparse(other) and one.format == other.format == "csr":
        parts = ("data", "indices", "indptr")
        return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in parts)
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)


def needs_labels(step: Any) -> bool:
    """Whether a transformer is tagged as one that cannot be fitted without labels."""
    try:
        from sklearn.utils import get_tags

        return bool(get_tags(step).target_tags.required)
    except ImportError:  # before scikit-learn 1.6
        return bool(step._get_tags()["requires_y"]) if hasattr(step, "_get_tags") else False
    except (AttributeError, TypeError):  # a transformer with scikit-learn's methods but not its base classes
        return False


def cross_fits(step: Any) -> bool:
    """Whether fitting a transformer gives training rows features that ``transform`` would not give them."""
    from sklearn.base import TransformerMixin

    return any(
        needs_labels(part) and getattr(type(part), "fit_transform", None) is not TransformerMixin.fit_transform
        for part in _parts(step)
        if not type(part).__module__.startswith(("sklearn.compose", "sklearn.pipeline"))
    )


def _refitted_rows(step: Any, rows: Any, y: Any) -> Any:
    """The training rows after a clone of the step is fitted to them. What it warns of was said to its owner."""
    from sklearn.base import clone

    fresh = clone(step, safe=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fresh.fit_transform(rows, y) if hasattr(fresh, "fit_transform") else fresh.fit(rows, y).transform(rows)


def _same_number(before: Any, after: Any, name: str, step: Any, who: str) -> Any:
    expected = count_rows(before, who=who)
    found = count_rows(after, who=who)
    if expected != found:
        raise ValueError(
            f"{who}: expected one row of features for each of the {expected} rows, got {found} from step {name!r} "
            f"({type(step).__name__}). Drop or fill in rows before the pipeline, not in it."
        )
    return after


def same_values(one: Any, other: Any) -> bool:
    """Whether two sets of features are equal but for rounding, whatever holds them."""
    if isinstance(one, (list, tuple)) or isinstance(other, (list, tuple)) or np.shape(one) != np.shape(other):
        return False
    if sparse.issparse(one) and sparse.issparse(other):
        apart = abs(one - other)
        return not apart.nnz or bool(apart.max() <= _ROUNDING * abs(one).max())
    first = one.toarray() if sparse.issparse(one) else np.asarray(one)
    second = other.toarray() if sparse.issparse(other) else np.asarray(other)
    if first.dtype.kind in "fiu" and second.dtype.kind in "fiu":
        largest = np.max(np.abs(first), where=np.isfinite(first), initial=0.0)
        return np.allclose(first, second, rtol=0, atol=_ROUNDING * largest, equal_nan=True)
    return bool(np.all(first == second))


def _takes_texts(step: Any) -> bool:
    inner = getattr(step, "transformer_list", None)
    return all(_takes_texts(part) for _, part in inner) if inner else reads_texts(step)


def _gaps(rows: Any) -> str:
    """Where a frame lacks values, in words that begin with a space; empty if it lacks none."""
    gaps = missing_by_column(rows)
    return (
        f" Values are missing in {'; '.join(f'column {name}, {named_rows(at)}' for name, at in gaps)}." if gaps else ""
    )


def _names_out(step: Any, names: list[str] | None) -> list[str] | None:
    """What a step calls its columns, given what their inputs are called; None if it does not say."""
    method = getattr(step, "get_feature_names_out", None)
    if method is None:
        return None
    calls = [method] if names is None else [lambda: method(names), method]
    for call in calls:
        try:
            return [str(name) for name in call()]
        except Exception:  # noqa: S112 - a step of somebody's own: no names, no harm
            continue
    return None
