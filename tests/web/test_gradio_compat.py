"""The adjustments of Gradio: what they replace is still there, and what they are for holds."""

import gradio as gr
import pytest
from gradio import state_holder

from denoiser.web import gradio_compat


@pytest.fixture(scope="module")
def blocks():
    """A page of one text box."""
    with gr.Blocks() as demo:
        gr.Textbox("start", elem_id="box")
    demo.state_session_capacity = 10
    return demo


@pytest.fixture(autouse=True)
def adjusted():
    gradio_compat.adjust_gradio()


class TestSessionState:
    """Sessions keep no values."""

    def test_it_has_all_that_gradios_own_has(self, blocks):
        original, ours = gradio_compat._SessionState(blocks), gradio_compat.SessionState(blocks)
        assert vars(ours).keys() == vars(original).keys()
        assert original.config_values  # what is left out

    def test_gradio_uses_it(self, blocks):
        holder = state_holder.StateHolder()
        holder.set_blocks(blocks)
        assert type(holder["a visitor"]) is gradio_compat.SessionState

    def test_no_value_stays(self, blocks):
        session = gradio_compat.SessionState(blocks)
        key = next(key for key, block in blocks.blocks.items() if isinstance(block, gr.Textbox))
        session._update_value_in_config(key, "x" * 1000)
        session._update_config(key)
        session[key] = blocks.blocks[key]
        assert session.config_values == {}
        assert list(session.components) == []
        assert session[key] is blocks.blocks[key]
