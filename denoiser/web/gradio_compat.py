"""Every adjustment of Gradio in one place: what it changes and why. Written for gradio 6.31.0.

`adjust_gradio()` applies those that replace a part of Gradio, once for the process. tests/web/test_gradio_compat.py
fails where another version no longer has what is replaced here.
"""

from copy import copy
from typing import Any

from gradio import state_holder
from gradio.blocks import Blocks

_SessionState = state_holder.SessionState


def adjust_gradio() -> None:
    """Replace what is listed in this module; calling it again changes nothing."""
    state_holder.SessionState = SessionState


class SessionState(_SessionState):
    """A visitor's session without the values of their components.

    Gradio copies every component's configuration for each new session, in the event loop (34 ms for this page), and
    stores each value that arrives in it, for the 500 newest sessions: 500 pictures of a script that calls an endpoint.
    Only deep links read any of it, and those are closed. Nobody's picture may outlive its request.
    """

    def __init__(self, blocks: Blocks):
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()
