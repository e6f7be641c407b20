"""The adjustments of Gradio: what they replace is still there, and what they are for holds."""

import subprocess
import sys
from ipaddress import ip_address

import gradio as gr
import pytest
import uvicorn
from gradio import http_server, networking, state_holder

from denoiser.web import gradio_compat
from denoiser.web.server.connections import Protocol


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


def test_a_first_answer_that_takes_long_does_not_end_the_start(monkeypatch):
    replies = [False, False, True]
    monkeypatch.setattr(gradio_compat, "_url_ok", lambda url: replies.pop(0))
    assert networking.url_ok("http://127.0.0.1") is True
    monkeypatch.setattr(gradio_compat, "_url_ok", lambda url: False)
    monkeypatch.setattr(gradio_compat, "START", 0.1)
    assert networking.url_ok("http://127.0.0.1") is False


class TestServer:
    """uvicorn has our settings."""

    def test_connections_are_limited(self, monkeypatch):
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.7")
        config = uvicorn.Config(lambda: None, log_config=None)
        server = http_server.Server(config)
        config.load()
        assert type(server) is gradio_compat.Server
        assert config.http_protocol_class is Protocol
        assert config.loaded_app.trusted_hosts.trusted_hosts == {ip_address("192.0.2.7")}
        assert 32 <= Protocol.most <= 4096

    @pytest.mark.parametrize("space", [False, True])
    def test_without_a_word_no_proxy_is_trusted_but_the_hubs(self, monkeypatch, space):
        monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
        monkeypatch.delenv("SPACE_ID", raising=False)
        if space:
            monkeypatch.setenv("SPACE_ID", "me/denoiser")
        config = uvicorn.Config(lambda: None, log_config=None)
        http_server.Server(config)
        config.load()
        assert "127.0.0.1" not in config.loaded_app.trusted_hosts
        assert ("10.1.2.3" in config.loaded_app.trusted_hosts) is space


def test_the_server_imports_gradio_without_writing_stubs():
    """Gradio would parse the source of each component; what reads sources otherwise goes on as before."""
    code = (
        "import ast, inspect; parsed = []; parse = ast.parse;"
        "ast.parse = lambda *given, **more: parsed.append(given) or parse(*given, **more);"
        "import denoiser.web.gradio_import, gradio;"
        "print(len(parsed) < 50, inspect.getfile(gradio.HTML).endswith('html.py'))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["True", "True"]  # else it parses some 170 times
