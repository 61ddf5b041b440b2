"""The estimator that a fit was adopted from, refitted as its owner would refit it: it has the last word."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, final

import numpy as np
from scipy import sparse
from scipy.special import logit

from .._typing import AnyArray, FloatArray, IntArray
from ..arguments import check_choice
from ..bayes import is_bayes
from ..design import Design
from ..inputs import rows_at
from ..problem import Edit
from .linear import coef_of, intercepts_of, setting, steps_of
from .steps import Steps, identical, same_values, unrolled
from .wrappers import calibrated_again, calibrates_steps, opened, passes_on

How: TypeAlias = Literal["minimiser", "estimator", "pipeline"]
HOW: tuple[How, ...] = ("minimiser", "estimator", "pipeline")

# A set is in doubt where the refitted margin is below this many times the typical distance of the estimator's log-odds
# from the minimiser's, or this many times its tol. An estimator may end much nearer to its minimum than its refits do,
# by luck: of 960 refits on small problems (numbers and texts, four solvers, C from 1e-4 to 100, the default tol), 140
# were further away than 5 typical distances, and 2 further than 15 of them and 250 times tol. Of 40 refits on TF-IDF of
# 1,500 reviews one was further away than 380 times tol.
_DOUBT = 15.0
_DOUBT_OF_TOL = 500.0
# An estimator whose refit comes nearer than this part of its distance to the minimiser was fitted to the same data.
_SAME_DATA = 0.5
_SETTLED = 1e-3  # distance of log-odds below which chance in a solver changes next to no prediction
_QUICK = 2 * 10**7  # stored values: larger fits take minutes, and are made on demand only


class AdoptionWarning(UserWarning):
    """An adopted estimator predicts some rows differently from its minimiser, or differently at every refit."""


class NoRefitError(ValueError):
    """The estimator that a fit was adopted from cannot be refitted."""


@final
@dataclass(frozen=True, eq=False)
class OwnModel:
    """A fitted estimator with what it was fitted to.

    Attributes
    ----------
    estimator
        As it was given: a classifier or a whole pipeline; of a pipeline whose rows were given as features, the
        classifier. It is cloned, never changed.
    classifier
        The classifier at its end.
    steps
        The steps before the classifier, None if there are none, or the rows were given as features.
    rows
        The training rows as the steps take them.
    features
        What the classifier was fitted to.
    labels
        The labels, shape (n_rows,).
    sample_weight
        As given: shape (n_rows,), or None.
    distance
        How far the log-odds of the training rows are from those at the minimiser: root mean square.
    n_stored
        Number of stored values of the features, times the number of fits of a refit: what one pass costs.
    chooses
        Whether a refit of the classifier chooses its objective again, by cross-validation.
    calibration
        What calibrates the classifier, and does so again at every refit; None without. ``threshold_logit`` is what its
        threshold in log-odds was at the fit.
    weights_found
        Whether ``sample_weight`` was not given, but found (`unsaid_weights`).
    """

    estimator: Any
    classifier: Any
    steps: Steps | None
    rows: Any
    features: Any
    labels: AnyArray
    sample_weight: FloatArray | None
    distance: float
    n_stored: int
    chooses: bool = False
    calibration: Any = None
    threshold_logit: float = 0.0
    weights_found: bool = False

    @cached_property
    def looks_at_labels(self) -> bool:
        """Whether a step before the classifier makes other features once labels change, or by chance.

        Warns
        -----
        AdoptionWarning
            If it is by chance: then a refit is one of many.
        """
        if self.steps is None or not self.steps.looks_at_labels(self.rows, self.labels):
            return False
        by_chance = self.steps.random_step(self.rows, self.labels)
        if by_chance:
            warnings.warn(
                f"The step {by_chance!r} makes other features each time it is fitted, because it draws random numbers: "
                "a flip set that one refit of your pipeline confirms may not hold in the next. Set its random_state "
                "(of a TargetEncoder: a cv with one) and fit again.",
                AdoptionWarning,
                stacklevel=2,
            )
        return True

    def makes_other_features(self, edit: Edit) -> bool:
        """Whether a fit of the whole pipeline may make other features than those at hand.

        Steps that are blind to labels may learn from rows, as words, means and frequencies are learned: they do so
        again once rows are removed, and in folds of calibration, which follow the labels.
        """
        if self.steps is None:
            return False
        return edit == "remove" or calibrates_steps(self.calibration) or self.looks_at_labels

    @cached_property
    def fitted_features(self) -> Any:
        """The features as a fit of the whole pipeline makes them, to the last bit, for a refit of the classifier."""
        features = in_memory(self.features)
        if self.steps is None:
            return features
        try:
            again = self.steps.refitted(self.rows, self.labels)
        except Exception:  # what a step of somebody's own raises is not known; its features are at hand
            return features
        return again if same_values(features, again) and not identical(features, again) else features

    @property
    def is_quick(self) -> bool:
        """Whether a refit takes seconds at most, so that one may be made without being asked for."""
        return self.n_stored <= _QUICK and not isinstance(self.features, Design)

    @cached_property
    def starts_elsewhere(self) -> bool:
        """Whether a clone is fitted otherwise: the estimator went on from earlier fits, or got other settings since.

        Its distance from the minimiser then says nothing of a refit.
        """
        if is_bayes(self.classifier):
            return False
        most = setting(self.classifier, "max_iter")
        return bool(setting(self.classifier, "warm_start")) or (most is not None and steps_of(self.classifier) > most)

    def doubts(self, margin: float, edit: Edit = "relabel") -> bool:
        """Whether a refit of the estimator may contradict one of the minimiser with this margin, in log-odds.

        Warns
        -----
        AdoptionWarning
            If it may, and its solver draws random numbers without a seed: then a refit is one of many.
        """
        tol = setting(self.classifier, "tol") or 0.0  # a naive Bayes does not stop anywhere
        reach = max(_DOUBT * self.distance, _DOUBT_OF_TOL * tol)
        chooses = self.chooses or self.calibration is not None
        in_doubt = self.makes_other_features(edit) or chooses or self.starts_elsewhere or abs(margin) < reach
        return in_doubt and self._told_of_chance

    @cached_property
    def _told_of_chance(self) -> Literal[True]:
        if _solves_by_chance(self.classifier) and self.distance > _SETTLED:
            name = type(self.classifier).__name__
            solver = getattr(self.classifier, "solver", "")
            draws = (
                f"The solver {solver!r} of your {name} draws random numbers"
                if solver
                else f"Your {name} takes random steps"
            )
            warnings.warn(
                f"{draws}, its random_state is not set, and it stops before the minimum: a flip "
                "set that one refit confirms may not hold in the next. Set random_state and fit again, or raise "
                "max_iter and lower tol.",
                AdoptionWarning,
                stacklevel=2,
            )
        return True

    def strongest(self, raw: Any, edit: Edit = "relabel") -> How:
        """The refit that settles a doubt: of the whole pipeline where that matters and raw queries are at hand."""
        return "pipeline" if self.makes_other_features(edit) and raw is not None else "estimator"

    def decision(self, queries: Design) -> FloatArray:
        """Log-odds of ``classes[1]`` by the estimator as it was given, shape (m,); of each of K classes, (m, K)."""
        return _decision(self.classifier, queries)

    def decision_of(self, refitted: Any, how: How, queries: Design, raw: Any) -> FloatArray:
        """Log-odds by what `refitted` made, as `decision`.

        ``queries`` are the rows as features, ``raw`` the same as the pipeline takes them. Where calibration has moved
        the threshold, they are moved as far, so that the threshold of the fit says what is predicted.
        """
        if self.calibration is not None:
            inside = opened(refitted)
            assert inside.threshold is not None
            moved = float(logit(inside.threshold)) - self.threshold_logit
            return replace(self, calibration=None).decision_of(inside.estimator, how, queries, raw) - moved
        if how == "pipeline" and self.steps is not None:
            if is_bayes(self.classifier):
                return _log_odds(refitted.predict_log_proba(raw))
            return np.asarray(refitted.decision_function(raw), dtype=np.float64)
        return _decision(unrolled(refitted, who="verify")[1], queries)

    def refitted(self, how: How, rows: IntArray, labels: AnyArray, edit: Edit) -> Any:
        """A clone of the estimator, fitted to edited labels. What it warns of was said when its owner fitted it.

        Parameters
        ----------
        how
            ``"estimator"`` fits the classifier alone to the features as they are, ``"pipeline"`` everything.
        rows, labels
            Training rows, and the new label of each.
        edit
            ``"relabel"``, or ``"remove"``: the rows are then left out.

        Raises
        ------
        NoRefitError
            If the estimator cannot be cloned, or its fit raises.
        """
        from sklearn.base import clone

        whole = how == "pipeline"
        x = self.rows if whole and self.steps is not None else self.fitted_features
        edited = self.labels.copy()
        edited[rows] = labels
        weights = self.sample_weight
        if edit == "remove":
            kept = np.setdiff1d(np.arange(len(edited)), rows)
            x = rows_at(x, kept)
            edited = edited[kept]
            weights = None if weights is None else weights[kept]
        given = self.estimator if whole else self.classifier
        arguments = {} if weights is None else {name_of_weights(given, self.classifier): weights}
        given = calibrated_again(given, self.calibration)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = clone(given).fit(x, edited, **arguments)
        except Exception as error:
            raise NoRefitError(
                f"your {type(given).__name__} could not be refitted on the edited labels. See that "
                f"sklearn.base.clone(estimator).fit(X, y) works. It raised {type(error).__name__}: {error}"
            ) from error
        if self.calibration is not None and opened(again).threshold is None:
            raise NoRefitError(
                "calibration on the edited labels turns the order of scores round. Adopt the classifier inside your "
                f"{type(self.calibration).__name__}."
            )
        return again

    def why_elsewhere(self, coef: FloatArray) -> str:
        """Why the estimator is not at its minimiser, in words, from the minimiser's coefficients.

        Cost: one fit of the classifier.
        """
        try:
            again = replace(self, calibration=None).refitted(
                "estimator", np.empty(0, dtype=np.int64), self.labels[:0], "relabel"
            )
        except NoRefitError as error:
            return f"Why is not known: {error}"
        own = coef_of(self.classifier)
        if self.starts_elsewhere:
            return (
                "It went on from earlier fits (warm_start), or its settings were changed after its fit: a clone of it "
                "is fitted otherwise."
            )
        distance = np.linalg.norm(coef - own)
        most, tol = setting(again, "max_iter"), setting(again, "tol")
        same_data = np.linalg.norm(coef_of(again) - own) <= _SAME_DATA * distance
        if _solves_by_chance(self.classifier):  # no two of its fits are alike
            stopped = most is not None and steps_of(self.classifier) >= most
            same_data = stopped or np.linalg.norm(coef_of(again) - coef) >= _SAME_DATA * distance
        if same_data and most is not None:
            name = type(again).__name__
            if steps_of(again) >= most:
                return f"{name} stopped at max_iter={most}, before it converged; raise max_iter."
            random = " Its steps are random: average=True comes nearer." if setting(again, "average") is False else ""
            return f"{name} stopped at tol={tol:g}, before its minimum; lower tol.{random}"
        if self.steps is not None and self.steps.cross_fit:
            step = self.steps.cross_fit
            return f"The step {step!r} encodes training rows on random folds that cannot be drawn again; fix its folds."
        missing = "" if self.sample_weight is not None else ", or with a sample_weight that was not passed"
        return f"It was fitted to other rows or labels than these, with other settings{missing}."


def check_how(how: Any, own: OwnModel | None, *, who: str) -> None:
    """Refuse a refit that is not known, or not to be had.

    Raises
    ------
    ValueError
        If it is none of the three, or there is no estimator to refit.
    """
    check_choice(how, "how", HOW, who=who)
    if how != "minimiser" and own is None:
        raise ValueError(
            f'{who}: expected how="minimiser", got "{how}": this fit was not adopted from an estimator, so there is '
            "none to refit. Use rw.adopt(estimator, X, y)."
        )


def coefficients(classifier: Any, n_params: int) -> FloatArray:
    """Coefficients of a classifier of two classes, and its intercept if there is room for one; (n_params,)."""
    coef = coef_of(classifier)[0]
    return coef if n_params == len(coef) else np.append(coef, intercepts_of(classifier)[0])


def linear_decision(classifier: Any, queries: Design) -> FloatArray:
    """``X coef + intercept``: of two classes (m,), otherwise (m, K)."""
    coef, intercepts = coef_of(classifier), intercepts_of(classifier)
    if len(coef) == 1:
        return queries.matvec(coef[0]) + float(intercepts[0])
    return queries.matmat(np.ascontiguousarray(coef.T)) + intercepts


def _decision(classifier: Any, queries: Design) -> FloatArray:
    """Of two classes the log-odds of the second, (m,), otherwise of each, (m, K), up to a number for each row."""
    if is_bayes(classifier):
        return _log_odds(classifier.predict_joint_log_proba(in_memory(queries)))
    return linear_decision(classifier, queries)


def _log_odds(scores: Any) -> FloatArray:
    of_classes: FloatArray = np.asarray(scores, dtype=np.float64)
    return np.asarray(of_classes[:, 1] - of_classes[:, 0]) if of_classes.shape[1] == 2 else of_classes


def in_memory(features: Any) -> Any:
    """Features as scikit-learn takes them; a design is brought into memory."""
    if not isinstance(features, Design):
        return features
    blocks = [block for _, block in features.blocks()]
    return sparse.vstack(blocks, format="csr") if sparse.issparse(blocks[0]) else np.concatenate(blocks)


def name_of_weights(given: Any, classifier: Any) -> str:
    """What ``fit`` calls the classifier's weights; a pipeline that routes metadata has them by the name it asks for."""
    from sklearn import get_config

    if given is classifier or not get_config().get("enable_metadata_routing", False):
        return f"{_prefix(given)}sample_weight"
    requested = classifier.get_metadata_routing().fit.requests.get("sample_weight")
    return requested if isinstance(requested, str) else "sample_weight"


def _solves_by_chance(classifier: Any) -> bool:
    """Whether two fits of a classifier to the same data may end in other places."""
    draws = setting(classifier, "shuffle")  # of SGDClassifier
    draws = draws or setting(classifier, "solver") in {"sag", "saga"}
    draws = draws or setting(classifier, "dual")  # of liblinear; "auto" may come to it
    return bool(draws) and setting(classifier, "random_state") is None


def _prefix(model: Any) -> str:
    """What the names of the classifier's own arguments begin with: the name of its step in each pipeline around it."""
    if passes_on(model):
        return _prefix(model.estimator)
    steps = getattr(model, "steps", None)
    return f"{steps[-1][0]}__{_prefix(steps[-1][1])}" if steps and hasattr(model, "named_steps") else ""
