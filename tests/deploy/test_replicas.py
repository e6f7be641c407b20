"""Two real processes of the page behind the nginx of deploy/: visitors stay, streams stream, one replica may go."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml
from web_fixtures import READY, SETTLED, missing, pictures

from denoiser.bench.browser import DESKTOP, answers, drag, free_port, mouse, served_page

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


def filled(template, values):
    """As nginx's own image fills in a template: only what is a variable of its container."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)


@pytest.fixture(scope="module")
def replicas():
    """Two processes of the page: their ports by process id."""
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        yield {stack.enter_context(served_page(port))[1]: port for port in ports}


@pytest.fixture(scope="module")
def proxy(replicas, tmp_path_factory):
    """The address of nginx before them."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or missing(
        "the test of several replicas needs nginx: install the package nginx"
    )
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=5s;" for each in replicas.values())
    template = (DEPLOY / "nginx.conf").read_text()
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


def test_nginx_lets_through_what_the_page_takes():
    from denoiser.web.page import launch_options

    most = int(re.search(r"client_max_body_size (\d+)m;", (DEPLOY / "nginx.conf").read_text())[1])
    assert most > int(re.fullmatch(r"(\d+)mb", launch_options()["max_file_size"])[1])
