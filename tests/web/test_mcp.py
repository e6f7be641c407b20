"""The endpoints as tools of the Model Context Protocol, called as an agent's client calls them."""

import ast
import asyncio
import base64
import io
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from helpers import digit_file
from PIL import Image
from web_fixtures import missing

from denoiser.data import SIDE
from denoiser.web.api import ENDPOINTS

pytestmark = pytest.mark.slow

try:
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client
except ImportError:
    ClientSession = None


@pytest.fixture(scope="module")
def talk(page_url):
    """talk(f): what the coroutine f(session) returns, of a session with the page's server."""
    if ClientSession is None:
        missing("the tools' tests need mcp: pip install -r tests/requirements.txt")

    async def within(f):
        async with (
            streamablehttp_client(f"{page_url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await f(session)

    def run(f):
        with ThreadPoolExecutor(1) as other:  # the browser tests leave an event loop running in this one
            return other.submit(asyncio.run, within(f)).result()

    return run


@pytest.fixture(scope="module")
def tools(talk):
    return {tool.name: tool for tool in talk(lambda session: session.list_tools()).tools}


def call(talk, name, **arguments):
    """Whether a tool failed, and the text it answered with."""
    reply = talk(lambda session: session.call_tool(name, arguments))
    return reply.isError, "".join(part.text for part in reply.content if part.type == "text")


def test_the_documented_endpoints_are_tools_and_nothing_else_is(tools):
    assert set(tools) == set(ENDPOINTS)


def test_a_tool_says_what_it_does_and_takes(tools):
    assert "Denoise one picture" in tools["denoise"].description
    takes = tools["denoise"].inputSchema["properties"]
    assert set(takes) == {"image", "model", "noise_kind", "noise_factor", "seed", "framed"}
    assert takes["noise_factor"]["type"] == "number"


def test_an_agent_can_draw_originals(talk):
    image = base64.b64encode(digit_file()).decode()
    failed, text = call(talk, "originals", image=image, noise_factor=0.3, count=2)
    assert not failed
    assert ast.literal_eval(text)["votes"] == {"3": 2}


def test_an_agent_can_denoise(talk):
    image = base64.b64encode(digit_file()).decode()
    failed, text = call(talk, "denoise", image=image, model="conv-64", noise_factor=0.5, seed=1)
    assert not failed
    reply = ast.literal_eval(text)  # Gradio writes what it returns as Python would
    assert reply["reading"]["digit"] == 3
    picture = base64.b64decode(reply["image"].partition(",")[2])
    assert Image.open(io.BytesIO(picture)).size == (SIDE, SIDE)


def test_what_is_wrong_is_said_in_a_sentence(talk):
    failed, text = call(talk, "denoise", image="https://example.com/digit.png")
    assert failed
    assert "That picture is no base64." in text
    assert "Traceback" not in text


def test_tools_keep_within_the_limits(talk, page_url):
    """They stand behind the same limits as all else."""
    address = f"{page_url}gradio_api/mcp/"
    assert httpx.post(address, content=b'{"params":' + b"[" * 10_000 + b"]" * 10_000 + b"}").status_code == 413
    assert httpx.post(address, content=b"[" * 1_000_000).status_code == 413
