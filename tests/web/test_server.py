"""What the server adds to Gradio: /health, headers, and a first script on the page."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from denoiser.web.server.health import Health
from denoiser.web.server.middleware import HEADERS, FirstInHead, Headers


async def page(scope, receive, send):
    """An application that answers one HTML page in two parts."""
    body = b"<html><head><title>x</title></head>", b"<body></body></html>"
    headers = [(b"content-type", b"text/html"), (b"content-length", str(sum(map(len, body))).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[0], "more_body": True})
    await send({"type": "http.response.body", "body": body[1]})


def ask(app, path="/", method="GET"):
    """Status, headers and body of the application's answer."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": []}
    with ThreadPoolExecutor(1) as other:  # the browser tests leave an event loop running in this one
        other.submit(asyncio.run, app(scope, None, send)).result()
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def test_the_script_comes_first_and_the_length_is_right():
    _, headers, body = ask(FirstInHead(page, "<script>first()</script>"))
    assert body.startswith(b"<html><head><script>first()</script><title>")
    assert int(headers["content-length"]) == len(body)


def test_other_paths_stay_as_they_are():
    assert b"first()" not in ask(FirstInHead(page, "<script>first()</script>"), "/other")[2]


def test_every_answer_has_the_headers():
    _, headers, _ = ask(Headers(page))
    assert HEADERS.items() <= {name: headers[name.lower()] for name in HEADERS}.items()


@pytest.mark.parametrize(("method", "empty"), [("GET", False), ("HEAD", True)])
def test_health_is_answered_without_the_page(method, empty):
    status, headers, body = ask(Health(page), "/health", method)
    assert (status, not body) == (200, empty)
    assert headers["cache-control"] == "no-store"
    assert b"<html>" in ask(Health(page), "/")[2]


@pytest.mark.slow
def test_the_page_keeps_its_own_policy(page_url, new_page):
    """new_page fails on any complaint of the browser, so the policy must allow all that the page does."""
    page = new_page()
    answer = page.request.get(page_url)
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    page.locator(".tray button").first.click()
    page.wait_for_function("() => window.denoiser.state.ladder !== null")
