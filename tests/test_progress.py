"""Progress of long calls in a notebook's cell, without asking for it."""

from __future__ import annotations

import io
import sys
import time

import numpy as np
import pytest

import relabel_widget as rw
from relabel_widget import monitor as progress
from relabel_widget.monitor import Monitor, shows_progress

QUERIES = np.zeros((2, 3))


def small_fit():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    return rw.fit(X, X[:, 0] + rng.normal(size=60) > 0)


@pytest.fixture
def in_a_notebook(monkeypatch):
    """All that is told is written at once."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)


CALLS = {
    "suspects": (rw.suspects, "looking for suspect labels: 1 of 1"),
    "next_to_check": (
        lambda fit, **more: rw.next_to_check(fit, fit.problem.design.take(np.arange(9)), fit.y[:9], **more),
        "estimating what corrections repair",
    ),
    "checking_outlook": (rw.checking_outlook, "looking for suspect labels: 1 of 1"),
    "simulate_checking": (
        lambda fit, **more: rw.simulate_checking(fit, flipped(fit), order=range(60), checks=[20, 40], **more),
        "checking labels: 40 of 40",
    ),
    "repair": (lambda fit, **more: rw.repair(fit, QUERIES, True, **more), "finding flip sets: 2 of 2"),
}


def flipped(fit):
    """A truth that the labels contradict where the fit does."""
    return fit.decision(fit.problem.design) > 0


class TestInACell:
    def test_a_notebook_is_told_after_a_while_and_a_script_only_if_it_asks(self, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PATIENCE", 0.0)
        fit = small_fit()
        rw.find_flip_sets(fit, QUERIES, n_jobs=1)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "_in_notebook", lambda: True)
        rw.find_flip_sets(fit, QUERIES, n_jobs=1)
        assert "finding flip sets: 2 of 2\n" in capsys.readouterr().err
        rw.find_flip_sets(fit, QUERIES, n_jobs=1, progress=False)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "PATIENCE", 60.0)
        rw.find_flip_sets(fit, QUERIES, n_jobs=1)
        assert capsys.readouterr().err == ""

    @pytest.mark.usefixtures("in_a_notebook")
    @pytest.mark.parametrize("name", CALLS)
    def test_without_a_monitor_the_cell_shows_how_far_it_is(self, name, capsys):
        call, words = CALLS[name]
        call(small_fit())
        told = capsys.readouterr().err
        assert words in told
        assert told.endswith("\n")
        assert told.count("\n") == 1  # one line, however many calls there are within the call

    @pytest.mark.usefixtures("in_a_notebook")
    @pytest.mark.parametrize("name", CALLS)
    def test_a_monitor_of_ones_own_gets_it_instead(self, name, capsys):
        seen = []
        CALLS[name][0](small_fit(), monitor=Monitor(seen.append))
        assert seen
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("name", CALLS)
    def test_a_script_sees_nothing(self, name, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PATIENCE", 0.0)
        CALLS[name][0](small_fit())
        assert capsys.readouterr().err == ""


class TestTheLine:
    def test_it_comes_in_time_although_nothing_is_said_then(self, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PATIENCE", 0.05)
        monkeypatch.setattr(progress, "_in_notebook", lambda: True)

        @shows_progress
        def work(*, monitor=None):
            monitor.step("solving", 0)
            time.sleep(0.4)
            return capsys.readouterr().err

        assert "solving" in work()

    @pytest.mark.usefixtures("in_a_notebook")
    def test_what_comes_just_after_other_words_is_shown_although_it_takes_long(self, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PAUSE", 0.1)
        monkeypatch.setattr(progress, "_LATEST", 0.05)

        @shows_progress
        def work(*, monitor=None):
            monitor.step("refitting", 0)
            monitor.step("solving", 0)
            time.sleep(0.4)
            return capsys.readouterr().err

        told = work()
        assert "refitting" in told
        assert "solving" in told

    def test_it_is_not_written_after_the_work_has_failed(self, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PATIENCE", 0.1)
        monkeypatch.setattr(progress, "_in_notebook", lambda: True)

        @shows_progress
        def work(*, monitor=None):
            monitor.step("solving", 0)
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            work()
        time.sleep(0.3)
        assert capsys.readouterr().err == ""

    @pytest.mark.usefixtures("in_a_notebook")
    def test_it_has_ended_before_anything_is_printed_after_it(self, monkeypatch):
        """A notebook's stream keeps what is written back, and showed the end of the line below that."""
        shown = io.BytesIO()
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(shown))
        rw.suspects(small_fit())
        assert shown.getvalue().endswith(b"\n")

    @pytest.mark.usefixtures("in_a_notebook")
    def test_many_steps_write_few_states_and_always_the_last(self, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PAUSE", 0.1)

        @shows_progress
        def work(*, monitor=None):
            for step in range(20_000):
                monitor.step("refitting", step)

        began = time.monotonic()
        work()
        told = capsys.readouterr().err
        assert told.count("\r") <= 3 + (time.monotonic() - began) / progress.PAUSE
        assert told.strip().endswith("refitting: 19999")

    @pytest.mark.usefixtures("in_a_notebook")
    def test_what_is_done_within_a_phase_stands_behind_it(self, capsys):
        @shows_progress
        def work(*, monitor=None):
            monitor.step("checking labels", 50, 100)
            monitor.step("retraining", 3)
            monitor.step("looking", 1, 2)
            monitor.step("checking labels", 100, 100)
            monitor.step("refitting your pipeline", 0)

        work()
        lines = [line.strip() for line in capsys.readouterr().err.split("\r")[1:]]
        assert lines == [
            "checking labels: 50 of 100",
            "checking labels: 50 of 100 (retraining: 3)",
            "checking labels: 50 of 100 (looking: 1 of 2)",
            "checking labels: 100 of 100",
            "refitting your pipeline",
        ]

    def test_a_cancel_reaches_the_order_that_a_simulation_asks(self):
        """The order was asked without the monitor, so that a cancel waited for it."""
        fit, seen = small_fit(), []

        def told(step):
            seen.append(step.phase)
            if step.phase == "looking for suspect labels":
                monitor.cancel()

        monitor = Monitor(told)
        with pytest.raises(rw.Cancelled):
            rw.simulate_checking(fit, flipped(fit), checks=[20, 40], monitor=monitor)
        assert seen[-1] == "looking for suspect labels"
