"""A comm that goes nowhere and keeps what would have gone to the front end."""

from __future__ import annotations

import json
import queue

from comm.base_comm import BaseComm


class RecordingComm(BaseComm):
    def __init__(self, *args, **kwargs):
        self.outbox = queue.SimpleQueue()
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, **_):
        if msg_type == "comm_msg":
            json.dumps(data, allow_nan=False)  # NaN would break the front end
            self.outbox.put(data)

    def drain(self):
        messages = []
        while not self.outbox.empty():
            messages.append(self.outbox.get())
        return messages
