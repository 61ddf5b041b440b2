"""A widget whose messages reach the page that asked, from whatever thread they are sent."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import anywidget


class SendsWhereAsked(anywidget.AnyWidget):
    """Sends all messages as if the page's last request were being answered, whatever thread or cell this is.

    ipykernel brings what a page sends to the subshell for which its widget sent something last. A thread has no
    context of its own, so that is the subshell of the last message of any kind; JupyterLab opens one to restore
    its widgets after a lost connection and deletes it, and from then on the page would reach nobody.
    """

    _asked_in: contextvars.Context | None = None

    def asked_here(self) -> None:
        """A request of the page is being answered in this context."""
        self._asked_in = contextvars.copy_context()

    def send(self, content: Any, buffers: Any = None) -> None:
        """As every widget's, in the context of the page's last request."""
        self._where_asked(lambda: super(SendsWhereAsked, self).send(content, buffers))

    def send_state(self, key: Any = None) -> None:
        """As every widget's, in the context of the page's last request."""
        self._where_asked(lambda: super(SendsWhereAsked, self).send_state(key))

    def _where_asked(self, act: Callable[[], None]) -> None:
        if self._asked_in is None:
            act()
        else:
            self._asked_in.copy().run(act)  # a copy: several threads may send at once
