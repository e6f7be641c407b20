"""Two real processes of the page behind the nginx of deploy/: visitors stay, streams stream, one replica may go."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml
from web_fixtures import READY, SETTLED, missing, pictures
from weighing import resident

from denoiser.bench.browser import DESKTOP, answers, drag, free_port, mouse, served_page
from denoiser.web.server.connections import OPEN_FILES

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SEVEN = [(0.3, 0.3), (0.7, 0.3), (0.4, 0.8)]
MAIN = """
daemon off;
pid {folder}/pid;
worker_processes 1;
{user}
events {{}}
http {{
    {paths}
    include {folder}/page.conf;
}}
"""


# Limits of nginx.conf as its tests have the time for.
SHORTER = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "client_body_timeout 10s": "client_body_timeout 2s",
    "limit_conn addresses 256": "limit_conn addresses 40",
}


def filled(template, values):
    """As nginx's own image fills in a template: only what is a variable of its container."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)


@pytest.fixture(scope="module")
def replicas():
    """Two processes of the page: their ports by process id."""
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        trusting = {"FORWARDED_ALLOW_IPS": "127.0.0.1"}
        yield {stack.enter_context(served_page(port, **trusting))[1]: port for port in ports}


@pytest.fixture(scope="module")
def proxy(replicas, tmp_path_factory):
    """The address of nginx before them."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or missing(
        "the test of several replicas needs nginx: install the package nginx"
    )
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=5s;" for each in replicas.values())
    template = (DEPLOY / "nginx.conf").read_text()
    for given, shorter in SHORTER.items():
        assert given in template
        template = template.replace(given, shorter)
    (folder / "page.conf").write_text(filled(template, {"PORT": f"127.0.0.1:{port}", "REPLICAS": servers}))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, paths=paths, user=user))
    command = [nginx, "-e", "stderr", "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 30
        while not answers(f"{url}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
        process.terminate()
        process.wait(10)
    assert not (folder / "log").read_text()  # and nothing of a visitor


@pytest.fixture
def visitor(browser):
    """visitor() is someone new, with cookies and a page of their own."""
    contexts = []

    def come():
        contexts.append(browser.new_context(**DESKTOP))
        return contexts[-1]

    yield come
    for context in contexts:
        context.close()


def process(context, proxy):
    """The process that answers this visitor."""
    answer = context.request.get(f"{proxy}/health")
    assert answer.ok
    return answer.json()["process"]


@pytest.mark.slow
def test_every_visitor_stays_with_one_replica(proxy, replicas, visitor):
    found = []
    for _ in range(20):
        context = visitor()
        context.request.get(proxy)
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        own = {process(context, proxy) for _ in range(4)}
        assert len(own) == 1
        context.request.get(proxy)
        assert context.cookies() == [cookie]
        found += own
    assert set(found) == set(replicas)


@pytest.mark.slow
def test_who_sends_no_cookie_stays_too(proxy, replicas):
    def ask():
        with urllib.request.urlopen(f"{proxy}/health", timeout=10) as reply:
            return reply.read()

    assert len({ask() for _ in range(8)}) == 1


@pytest.mark.slow
def test_streams_are_not_held_back(proxy):
    """The heartbeat never ends by itself, so whatever arrives has not waited for its end, nor for a full buffer."""
    with urllib.request.urlopen(f"{proxy}/gradio_api/heartbeat/someone", timeout=60) as stream:
        assert "text/event-stream" in stream.headers["Content-Type"]
        assert stream.readline().startswith(b"data:")


@pytest.mark.slow
def test_scripts_get_their_answers_through_it(proxy):
    from gradio_client import Client

    client = Client(proxy, verbose=False)
    names = [entry["name"] for entry in client.predict(api_name="/models")]
    assert "unet" in names
    assert client.predict(place=[0.0, 0.0], api_name="/decode")["image"].startswith("data:image/png")


@pytest.mark.slow
def test_uploads_pass_up_to_the_limit(proxy):
    body = b'{"data": ["' + b"A" * 31 * 2**20 + b'", "", "gaussian", 0, 0, false]}'
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{proxy}/gradio_api/call/denoise", body, headers)) as reply:
        assert "event_id" in reply.read().decode()

    connection = HTTPConnection(proxy.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/gradio_api/call/denoise")
    connection.putheader("Content-Length", str(40 * 2**20))
    connection.endheaders()  # refused before any of it is sent
    assert connection.getresponse().status == 413
    connection.close()


# ---------- what the proxy shields from ----------


@contextmanager
def connections(proxy, count, start):
    """So many connections that have sent `start` and nothing more."""
    host, port = proxy.removeprefix("http://").split(":")
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(count)]
        for connection in found:
            with suppress(OSError):  # closed already
                connection.sendall(start)
        yield found


@pytest.mark.slow
def test_heads_that_never_end_are_cut_off(proxy):
    with connections(proxy, 20, b"GET / HTTP/1.1\r\nHost: x\r\nX-Sl") as found:
        for connection in found:
            answer = connection.recv(1000)
            assert answer == b"" or b" 408 " in answer


@pytest.mark.slow
def test_uploads_that_stop_never_reach_a_replica(proxy, replicas):
    before = {pid: resident(pid) for pid in replicas}
    head = b"POST /gradio_api/call/denoise HTTP/1.1\r\nHost: x\r\nContent-Length: 33000000\r\n\r\n"
    with connections(proxy, 9, head + b"A" * 32_000_000) as found:
        assert all(resident(pid) - before[pid] < 100 for pid in replicas)
        with urllib.request.urlopen(f"{proxy}/config", timeout=30) as reply:
            assert reply.status == 200
        for connection in found:
            answer = connection.recv(1000)
            assert answer == b"" or b" 408 " in answer


@pytest.mark.slow
def test_nobody_has_more_connections_than_that(proxy):
    with connections(proxy, 60, b"GET /gradio_api/heartbeat/me HTTP/1.1\r\nHost: x\r\n\r\n") as found:
        statuses = [int(connection.recv(1000).split()[1]) for connection in found]
    assert set(statuses) == {200, 429}
    assert 30 <= statuses.count(200) <= 40  # another test's may still be open


@pytest.mark.slow
def test_where_the_page_is_says_the_proxy_and_not_the_visitor(proxy, replicas):
    headers = {"X-Forwarded-Host": "evil2.example", "X-Forwarded-For": "192.0.2.1"}
    with urllib.request.urlopen(urllib.request.Request(f"{proxy}/config", headers=headers)) as reply:
        assert json.load(reply)["root"] == proxy
    direct = f"http://127.0.0.1:{next(iter(replicas.values()))}/config"
    with urllib.request.urlopen(urllib.request.Request(direct, headers=headers)) as reply:
        assert json.load(reply)["root"] == "http://evil2.example"  # they trust whoever is the proxy


@pytest.mark.slow
def test_when_a_replica_goes_its_visitors_move_and_the_page_goes_on(proxy, replicas, visitor):
    """The last test of this file: one of the two is gone after it."""
    context, complaints = visitor(), []
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("websocket", lambda socket: complaints.append(f"a WebSocket: {socket.url}"))
    page.goto(proxy)
    deadline = time.monotonic() + 60
    while not page.evaluate(READY):
        assert time.monotonic() < deadline
    drag(page, mouse(page), "#pad .paper", SEVEN)
    page.wait_for_function(SETTLED)
    before, first = pictures(page), process(context, proxy)

    others = [visitor() for _ in range(12)]
    for other in others:
        other.request.get(proxy)
    homes = [process(other, proxy) for other in others]

    os.kill(first, signal.SIGKILL)
    drag(page, mouse(page), "#pad .paper", [(0.3, 0.55), (0.7, 0.55)])
    page.wait_for_function(SETTLED)
    assert pictures(page) != before
    (second,) = set(replicas) - {first}
    assert process(context, proxy) == second
    assert {process(other, proxy) for other in others} == {second}
    assert second in homes  # who was there already
    assert not complaints


# ---------- the files that no container engine was at hand to try ----------


def test_compose_and_dockerfile_name_what_is_there():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    page, proxy = services["page"], services["proxy"]
    assert (DEPLOY / page["build"]["context"] / page["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    source, target, _ = proxy["volumes"][0].split(":")
    assert (DEPLOY / source).resolve() == DEPLOY / "nginx.conf"
    assert target == "/etc/nginx/templates/default.conf.template"  # where the image looks for templates

    wanted = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "nginx.conf").read_text()))
    assert wanted == set(proxy["environment"])

    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    allowed = {line.removeprefix("!") for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()}
    assert {"app.py", "denoiser", "checkpoints"} <= set(copied) <= allowed
    assert all((ROOT / name).exists() for name in copied)
    port = re.search(r"GRADIO_SERVER_PORT=(\d+)", "\n".join(lines))[1]
    assert f"page:{port} " in proxy["environment"]["REPLICAS"]
    assert "172.16.0.0/12" in page["environment"]["FORWARDED_ALLOW_IPS"]
    assert page["ulimits"]["nofile"] >= OPEN_FILES


def test_nginx_lets_through_what_the_page_takes():
    most = int(re.search(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx.conf").read_text())[1])
    assert most * 2**20 > 24_000_000 * 4 / 3 + 1_000_000
