"""What the server adds to Gradio: /health, headers, and a first script on the page."""

import gzip
import socket

import brotli
import pytest
from helpers import run_async

from denoiser.web import __main__ as web_main
from denoiser.web.app import links
from denoiser.web.server.first_page import ADDRESSES, FirstPage
from denoiser.web.server.health import Health
from denoiser.web.server.middleware import HEADERS, Headers


async def page(scope, receive, send):
    """An application that answers one HTML page in two parts."""
    body = b"<html><head><title>x</title></head>", b"<body></body></html>"
    headers = [(b"content-type", b"text/html"), (b"content-length", str(sum(map(len, body))).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[0], "more_body": True})
    await send({"type": "http.response.body", "body": body[1]})


def ask(app, path="/", method="GET", headers=()):
    """Status, headers and body of the application's answer."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": headers, "scheme": "http"}
    run_async(app(scope, None, send))
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def test_the_script_comes_first_and_the_length_is_right():
    _, headers, body = ask(FirstPage(page, "<script>first()</script>", ""))
    assert body.startswith(b"<html><head><script>first()</script><title>")
    assert int(headers["content-length"]) == len(body)


@pytest.mark.parametrize("head", ["<head lang=en>", "<HEAD>", "<head\n data-x='y'>", "<header>", "no head at all"])
def test_the_length_is_right_whatever_the_head_looks_like(head):
    async def odd(scope, receive, send):
        body = f"<html>{head}<title>x</title></html>".encode()
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    _, headers, body = ask(FirstPage(odd, "<script>first()</script>", ""))
    assert int(headers["content-length"]) == len(body)
    assert (b"<script>first()</script><title>" in body) == (head[:5].lower() == "<head" and head != "<header>")


def test_links_to_the_page_show_our_card_and_no_other():
    async def of_gradio(scope, receive, send):
        body = b'<head><meta property="og:title" content="Gradio" />\n<meta name="twitter:card" content="x"></head>'
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": body})

    ours = '<meta property="og:image" content="{address}/card.png">'
    hosts = [(b"host", b'me.example"<')]
    _, _, body = ask(FirstPage(of_gradio, ours, ""), headers=hosts)
    assert body == b'<head><meta property="og:image" content="http://me.example&quot;&lt;/card.png"></head>'


def counted(app, calls):
    """The application, which notes the hosts for which it was asked."""

    async def call(scope, receive, send):
        calls.append(dict(scope["headers"]).get(b"host"))
        await app(scope, receive, send)

    return call


def test_the_page_is_made_once_for_each_address():
    calls = []
    first = FirstPage(counted(page, calls), "<script>first()</script>", "")
    for host in (b"a", b"a", b"b", b"a"):
        assert b"first()" in ask(first, headers=[(b"host", host)])[2]
    assert calls == [b"a", b"b"]
    for i in range(ADDRESSES):  # made-up addresses fill no memory
        ask(first, headers=[(b"host", str(i).encode())])
    assert len(first.pages) == ADDRESSES


def test_the_page_is_compressed_and_not_sent_to_whoever_has_it():
    first = FirstPage(page, "<script>first()</script>", "")
    _, headers, body = ask(first, headers=[(b"accept-encoding", b"gzip, br")])
    assert headers["content-encoding"] == "br"
    assert b"first()" in brotli.decompress(body)
    assert headers["cache-control"] == "private, no-cache"
    assert ask(first, headers=[(b"if-none-match", headers["etag"].encode())])[0::2] == (304, b"")
    assert gzip.decompress(ask(first, headers=[(b"accept-encoding", b"gzip")])[2]) == brotli.decompress(body)


def test_an_error_is_no_page_and_is_not_stored():
    statuses = [503, 200]

    async def starting(scope, receive, send):
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": statuses.pop(0), "headers": headers})
        await send({"type": "http.response.body", "body": b"<head></head>"})

    first = FirstPage(starting, "<script>first()</script>", "")
    assert ask(first)[::2] == (503, b"<head></head>")
    assert ask(first)[::2] == (200, b"<head><script>first()</script></head>")


def test_other_paths_stay_as_they_are():
    assert b"first()" not in ask(FirstPage(page, "<script>first()</script>", ""), "/other")[2]


def test_every_answer_has_the_headers():
    _, headers, _ = ask(Headers(page))
    assert HEADERS.items() <= {name: headers[name.lower()] for name in HEADERS}.items()


@pytest.mark.parametrize(("method", "empty"), [("GET", False), ("HEAD", True)])
def test_health_is_answered_without_the_page(method, empty):
    status, headers, body = ask(Health(page), "/health", method)
    assert (status, not body) == (200, empty)
    assert headers["cache-control"] == "no-store"
    assert b"<html>" in ask(Health(page), "/")[2]


@pytest.mark.parametrize("port", ["taken", "70000", "-1"])
def test_a_port_that_is_taken_or_none_is_one_line_and_no_other_port(port, monkeypatch):
    monkeypatch.setattr(web_main, "build_page", lambda: pytest.fail("it went on"))
    for module, name in ((web_main, "keep_freed_memory"), (web_main.logging, "start")):
        monkeypatch.setattr(module, name, lambda *arguments: None)  # both are of the whole process
    with socket.create_server(("127.0.0.1", 0)) as other:
        asked = str(other.getsockname()[1]) if port == "taken" else port
        monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.1")
        monkeypatch.setenv("GRADIO_SERVER_PORT", asked)
        with pytest.raises(SystemExit) as end:
            web_main.main()
    (line,) = str(end.value.code).splitlines()
    assert f"port {asked} " in line


@pytest.mark.slow
def test_the_page_keeps_its_own_policy(page_url, new_page):
    """new_page fails on any complaint of the browser, so the policy must allow all that the page does."""
    page = new_page()
    answer = page.request.get(page_url)
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    page.locator(".tray button").first.click()
    page.wait_for_function("() => window.denoiser.state.sweep !== null")


def test_the_foot_of_the_page_leads_to_the_repository():
    hub = "https://huggingface.co/spaces/me/denoiser"
    assert links("https://example.org/denoiser") == {
        "source": "https://example.org/denoiser",
        "report": "https://example.org/denoiser/issues",
    }
    assert links(hub) == {"source": f"{hub}/tree/main", "report": f"{hub}/discussions"}
    assert links("") == links("javascript:alert(1)") == {}
