"""What other websites may do with a page on a public host: call the script API without credentials, nothing else."""

import httpx
import pytest

API = "/gradio_api"
HOST = "demo.example"
EVIL = "https://evil.example"
PAGE_ONLY = [
    ("POST", f"{API}/component_server/"),
    ("POST", f"{API}/queue/join"),
    ("GET", f"{API}/queue/data?session_hash=x"),
    ("GET", f"{API}/heartbeat/x"),
    ("POST", f"{API}/run/models"),
    ("POST", f"{API}/api/models"),
    ("POST", f"{API}/cancel"),
    ("POST", f"{API}/reset"),
    ("POST", f"{API}/mcp/"),
    ("POST", "/login"),
]
CROSS_SITE = {
    "by its origin": {"Origin": EVIL},
    "without one": {"Origin": "null"},
    "by what the browser says": {"Sec-Fetch-Site": "cross-site"},
    "from a neighbouring host": {"Origin": f"https://other.{HOST}", "Sec-Fetch-Site": "same-site"},
    "with another port": {"Origin": f"https://{HOST}:8443"},
    "with a header of a proxy's": {"Origin": EVIL, "X-Forwarded-Host": "evil.example"},
}
SAME_SITE = {
    "by its origin": {"Origin": f"https://{HOST}"},
    "by what the browser says": {"Sec-Fetch-Site": "same-origin", "Origin": "https://other.name.of.it"},
    "a script": {},
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def web(page_url):
    with httpx.Client(base_url=page_url, timeout=60, headers={"Host": HOST}) as client:
        yield client


@pytest.mark.parametrize("headers", CROSS_SITE.values(), ids=CROSS_SITE)
@pytest.mark.parametrize(("method", "path"), PAGE_ONLY)
def test_what_only_the_page_calls_is_closed_to_other_sites(web, method, path, headers):
    answer = web.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith(".")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("headers", SAME_SITE.values(), ids=SAME_SITE)
def test_the_page_itself_and_scripts_are_let_in(web, headers):
    for path in (f"{API}/component_server/", f"{API}/queue/join", f"{API}/run/nobody"):
        assert web.post(path, headers=headers, json={}).status_code in (400, 404)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_preflight_of_another_site_opens_nothing_but_the_script_api(web, method):
    headers = {"Origin": EVIL, "Access-Control-Request-Method": method, "Sec-Fetch-Site": "cross-site"}
    for path in (f"{API}/component_server/", f"{API}/queue/join", "/config", "/"):
        answer = web.options(path, headers=headers)
        assert answer.status_code >= 400
        assert "access-control-allow-origin" not in answer.headers
    answer = web.options(f"{API}/call/v2/models", headers=headers | {"Access-Control-Request-Headers": "content-type"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-credentials" not in answer.headers


def test_another_site_may_call_the_script_api_and_read_the_answer(web):
    headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    asked = web.post(f"{API}/call/v2/models", headers=headers, json={})
    answer = web.get(f"{API}/call/models/{asked.json()['event_id']}", headers=headers)
    assert "event: complete" in answer.text
    for reply in (asked, answer, web.get(f"{API}/info", headers=headers), web.post(f"{API}/call/x", headers=headers)):
        assert reply.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", f"{API}/app_id"])
def test_another_sites_scripts_cannot_read_the_page(web, path):
    for headers in ({"Origin": EVIL}, {"Origin": "null"}):
        answer = web.get(path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_link_or_a_frame_of_another_site_shows_the_page(web):
    for mode in ("document", "iframe"):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": mode}
        assert web.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Gradio-Server"])
def test_nobody_but_a_trusted_proxy_says_where_the_page_is(web, name):
    for path in ("/", "/config"):
        answer = web.get(path, headers={name: "http://evil2.example"})
        assert "evil2.example" not in answer.text
        assert answer.headers["cache-control"] in ("no-store", "private, no-cache")  # of no cache that others share
    assert f'"root":"http://{HOST}"' in web.get("/config").text.replace(" ", "")
