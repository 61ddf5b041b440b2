"""What travels between the page and Python is as declared, on both sides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from widget_cases import ask, deliver, make_workbench, page

from relabel_widget.widget import _protocol as protocol
from relabel_widget.widget import _requests as requests

EXAMPLES = (Path(__file__).parent / "contract" / "messages.json").read_text()
CONTRACT = json.loads(EXAMPLES.replace('"VERSION"', json.dumps(protocol.VERSION)))

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def bench():
    return make_workbench()


def same_shape(value, example):
    """The same fields, all the way down; where either is None, nothing is said of the other."""
    if value is None or example is None:
        return
    if isinstance(example, dict):
        assert set(value) == set(example)
        for key in example:
            same_shape(value[key], example[key])
    elif isinstance(example, list):
        for item in value:
            same_shape(item, example[0])
    elif isinstance(example, float):
        assert isinstance(value, float)
    else:
        assert type(value) is type(example)


class TestContract:
    @pytest.mark.parametrize("message", CONTRACT["requests"], ids=lambda message: message["kind"])
    def test_every_example_request_is_understood(self, message):
        request = requests.parse(message)
        assert request.kind == message["kind"]
        assert {"v": protocol.VERSION, "id": request.id, "kind": request.kind, **request.body} == message

    def test_the_examples_cover_every_kind(self):
        kinds = set(protocol.REQUESTS)
        assert {message["kind"] for message in CONTRACT["requests"]} == kinds == set(CONTRACT["results"])

    def test_the_example_results_are_as_declared(self):
        wrong = [kind for kind, value in CONTRACT["results"].items() if not protocol.REQUESTS[kind].result.fits(value)]
        assert wrong == []
        assert protocol.SHARED.fits(CONTRACT["state"])

    @pytest.mark.parametrize("example", CONTRACT["malformed_requests"], ids=lambda example: example["why"])
    def test_a_malformed_request_gets_exactly_one_error(self, widget, example):
        (answer,) = deliver(widget, example["message"])
        assert answer["kind"] == "error"
        assert answer["reason"] == "malformed"
        assert answer["message"]
        assert answer["id"] == requests.request_id(example["message"])
        assert widget.relabelled == []

    def test_results_have_the_fields_of_the_examples(self, widget):
        examples = CONTRACT["results"]
        same_shape(ask(widget, "find", row=0), examples["find"])
        same_shape(
            ask(widget, "decide", rows=widget.workbench.flip_set(0).rows.tolist(), decision="relabel", note=""),
            examples["decide"],
        )
        same_shape(ask(widget, "verify"), examples["verify"])
        ranking = ask(widget, "ranking", row=0, set_first=True)
        assert None not in (ranking["flip"], ranking["forecast"])
        assert ranking["retrained"]
        same_shape(ranking, examples["ranking"])
        same_shape(ask(widget, "bars", row=0, set_first=True, offset=2, limit=5), examples["bars"])
        same_shape(ask(widget, "words", row=0, train=3), examples["words"])
        same_shape(ask(widget, "explain", row=0), examples["explain"])
        same_shape(ask(widget, "flips"), examples["flips"])
        queue = ask(widget, "queue")
        same_shape(queue, examples["queue"])
        first = queue["rows"][0]
        same_shape(ask(widget, "reasons", row=first["row"], label=first["suggested"]), examples["reasons"])
        same_shape(ask(widget, "outlook"), examples["outlook"])
        same_shape(ask(widget, "history"), examples["history"])
        same_shape(ask(widget, "conflicts"), examples["conflicts"])
        same_shape(ask(widget, "carried"), examples["carried"])
        same_shape(ask(widget, "watch", rows=[0], on=False), examples["watch"])
        same_shape(page(widget), examples["page"])
        same_shape(
            ask(widget, "train_rows", filter="all", search="", asked=0, offset=0, limit=9), examples["train_rows"]
        )
        whole = {"filter": "all", "predicted": None, "search": "", "brushes": []}
        same_shape(ask(widget, "spread", **whole), examples["spread"])
        same_shape(widget._state, CONTRACT["state"])
        assert protocol.SHARED.fits(widget._state)
        assert widget._state["verification"] is not None

    def test_replies_have_the_fields_of_the_examples(self):
        result, progress, _, error, sizes = CONTRACT["replies"]
        same_shape(requests.sizes_message(3, 2, {"done": 4, "total": 10, "words": "Set sizes: 4 of 10"}), sizes)
        same_shape(requests.result_message("a", {"message": "x"}), result)
        same_shape(requests.progress_message("a", "x", 1, 4), progress)
        same_shape(requests.error_message("a", "busy", "x"), error)
