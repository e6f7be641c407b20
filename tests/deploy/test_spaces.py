"""The page as Hugging Face Spaces runs it: only the uploaded files, read-only, in a frame on the Hub's page."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from playwright.sync_api import Error, expect
from web_fixtures import READY, SETTLED, copy_link, ink_share, pictures

from denoiser.bench.browser import DESKTOP, PHONE, answers, free_port
from denoiser.deploy import space_files, write_copy
from denoiser.web.serving import gpu

# A fake of the package `spaces`, as far as the page and Gradio use it. Like the real one it refuses asynchronous
# functions and reports at launch which functions use the GPU; ZeroGPU stops a Space that has none.
FAKE_SPACES = """
import functools, inspect, json, os, sys

if "gradio" in sys.modules and not hasattr(sys.modules["gradio"], "Blocks"):
    raise ImportError("gradio is only half imported")
import gradio

registered = []

def GPU(task=None, *, duration=60, size="large"):
    if task is None:
        return functools.partial(GPU, duration=duration, size=size)
    if inspect.iscoroutinefunction(task) or inspect.isasyncgenfunction(task):
        raise NotImplementedError("a GPU function cannot be asynchronous")
    registered.append({"name": f"{task.__module__}.{task.__qualname__}", "duration": duration})
    return task

def gradio_auto_wrap(task):
    return task

def reported(launch):
    @functools.wraps(launch)
    def launch_and_report(*given, **named):
        with open(os.environ["SPACES_REPORT"], "w") as file:
            json.dump(registered, file)
        return launch(*given, **named)
    return launch_and_report

gradio.Blocks.launch = reported(gradio.Blocks.launch)
"""
RELOADING = "def start_reload_server(prerun, postrun, stop_event):\n    stop_event.wait()\n"

# The Hub's page with the frame around a Space, and the permissions it grants.
HUB = "https://huggingface.co/spaces/me/denoiser"
FRAME = """<!doctype html><title>Hub</title><meta name="viewport" content="width=device-width">
<body style="margin: 0"><iframe id="space" src="{}"
  style="border: 0; width: 100vw; height: 100vh" allow="camera; clipboard-read; clipboard-write; fullscreen; microphone"
  sandbox="allow-downloads allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-same-origin
           allow-scripts allow-storage-access-by-user-activation"></iframe>
  <script>onmessage = ({{ data }}) => {{ if (data?.hash) history.replaceState(null, "", data.hash); }}</script>"""
BLOCKED = """for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("Access is denied.", "SecurityError"); } });"""


def install_fake_spaces(folder):
    """Write the fake package `spaces` to a folder for PYTHONPATH."""
    for name, content in {
        "spaces/__init__.py": FAKE_SPACES,
        "spaces/reloading.py": RELOADING,
        "spaces-0.51.3.dist-info/METADATA": "Metadata-Version: 2.1\nName: spaces\nVersion: 0.51.3\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@contextmanager
def read_only(folder):
    """Make a folder read-only while in use; root must drop its capabilities to respect that."""
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """The page running as on a Space with ZeroGPU: its address, and the file with what it reported at launch."""
    base = tmp_path_factory.mktemp("space")
    write_copy(space_files(), base / "app")
    for name in ("home", "tmp"):
        (base / name).mkdir()
    port, node = free_port(), shutil.which("node")
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(base / "home"),
        "TMPDIR": str(base / "tmp"),
        "PYTHONPATH": str(install_fake_spaces(base / "packages")),
        "SPACES_REPORT": str(base / "report.json"),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "SYSTEM": "spaces",
        "SPACE_ID": "me/denoiser",
        "SPACE_HOST": "me-denoiser.hf.space",
        "DENOISER_FRAMES": "https://friend.example",
        "GRADIO_SSR_MODE": "True",  # as Spaces sets it; it has an effect only with a suitable Node
    } | ({"GRADIO_NODE_PATH": node} if node else {})
    command = [sys.executable, "app.py"]
    if os.geteuid() == 0:  # who ignores file permissions while it has its capabilities
        command = ["setpriv", "--bounding-set=-all", *command]
    with read_only(base / "app") as folder, read_only(base / "home"), open(base / "log", "w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=subprocess.STDOUT)
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
        try:
            while not answers(f"{url}/health"):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the Space does not start:\n{(base / 'log').read_text()}")
                time.sleep(0.1)
            yield url, base / "report.json"
        finally:
            process.terminate()
            process.wait(10)
    said = (base / "log").read_text()
    assert "Traceback" not in said, said


@pytest.fixture
def visit(browser, space):
    """visit(framed_by=HUB, **options) opens the page, alone or in a frame: its window, its frame and the complaints.

    At the end the test fails if the browser reported an error or sent a request to another host.
    """
    contexts, complaints = [], []

    def open_page(framed_by=None, script=None, **options):
        url, _ = space
        context = browser.new_context(**(DESKTOP | options), permissions=["local-network-access"])  # from the Hub
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on("console", lambda line: complaints.append(f"console: {line.text}") if line.type == "error" else None)
        if script:
            page.add_init_script(script)
        if framed_by:
            page.route(framed_by, lambda route: route.fulfill(body=FRAME.format(url), content_type="text/html"))
        page.on(
            "request",
            lambda request: (
                complaints.append(f"another host: {request.url}")
                if not request.url.startswith((url, "data:", "blob:", framed_by or url))
                else None
            ),
        )
        page.goto(framed_by or url)
        frame = page.locator("#space").element_handle().content_frame() if framed_by else page.main_frame
        return page, frame, complaints

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


def at_rest(frame):
    """Wait until every component is there and the layout no longer changes."""
    deadline = time.monotonic() + 60
    while not frame.evaluate(READY):
        assert time.monotonic() < deadline, "the page does not come to rest"


def draw_seven(page, frame):
    """Draw a seven with the mouse and wait for the sweep."""
    box = frame.locator("#pad .paper").bounding_box()
    points = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ((0.3, 0.3), (0.7, 0.3), (0.4, 0.8))
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()
    frame.wait_for_function(SETTLED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "script"), [(DESKTOP, None), (PHONE, BLOCKED)], ids=["desktop", "phone with storage blocked"]
)
def test_the_page_works_in_the_frame_of_the_hub(visit, options, script):
    page, frame, _ = visit(HUB, script, **options)
    at_rest(frame)
    draw_seven(page, frame)
    assert ink_share(frame) > 0.01

    slider = frame.locator("#noise_slider input[type=range]:visible").first
    seen = pictures(frame)
    slider.press("ArrowRight")
    expect(frame.locator("#noise_factor output")).to_have_text("0.55")
    assert len(seen) > 3
    assert all(before != after for before, after in zip(seen, pictures(frame), strict=True))

    copy_link(frame)
    expect(frame.locator("#toast .say")).to_contain_text("this drawing, this noise")
    page.wait_for_url(lambda url: "#d=" in url)  # in the address of the Hub's page

    frame.locator("#latent-space-tab-button").click()
    frame.wait_for_function("() => denoiser.state.maps?.length && denoiser.state.trajectory")
    over = frame.locator("#map .over").first
    over.scroll_into_view_if_needed()
    over.hover(position={"x": 60, "y": 60})
    ground = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    assert frame.locator("#map canvas").first.evaluate(ground) > 20

    frame.locator(".tools .language").click()
    expect(frame.locator(".tools .language")).to_have_text("English", timeout=60_000)
    frame.locator("#denoise-tab-button").click()
    at_rest(frame)
    assert ink_share(frame) > 0.01  # the drawing is there in Chinese too


@pytest.mark.slow
def test_the_page_works_without_a_frame_on_a_tablet(visit):
    page, frame, _ = visit(viewport={"width": 820, "height": 1180})
    at_rest(frame)
    draw_seven(page, frame)
    copy_link(page)
    expect(page.locator("#toast .say")).to_contain_text("this drawing, this noise")


@pytest.mark.slow
def test_no_other_site_can_frame_it(visit):
    _, frame, complaints = visit("https://example.org/")
    with pytest.raises(Error):
        frame.wait_for_selector("#pad", timeout=2000)
    assert any("frame-ancestors" in line for line in complaints)
    complaints.clear()


@pytest.mark.slow
def test_our_server_answers_although_the_platform_asks_for_server_side_rendering(space):
    url, _ = space
    with urllib.request.urlopen(f"{url}/health", timeout=10) as reply:
        assert json.load(reply)["status"] == "ok"
    with urllib.request.urlopen(url, timeout=10) as reply:
        (ancestors,) = re.findall("frame-ancestors ([^;]+)", reply.headers["Content-Security-Policy"])
    assert {"'self'", "https://huggingface.co", "https://friend.example"} <= set(ancestors.split())


# ---------- ZeroGPU ----------


@pytest.fixture
def fake_spaces(tmp_path, monkeypatch):
    """The fake package `spaces`, as zerogpu has imported it."""
    monkeypatch.syspath_prepend(install_fake_spaces(tmp_path))
    import gradio

    launch = gradio.Blocks.launch
    importlib.reload(gpu)
    yield sys.modules["spaces"]
    gradio.Blocks.launch = launch
    del sys.modules["spaces"]
    monkeypatch.undo()
    importlib.reload(gpu)


def test_a_gpu_function_is_registered_with_its_duration(fake_spaces):
    @gpu.borrows_gpu(30)
    def train():
        yield 1

    assert [entry["duration"] for entry in fake_spaces.registered] == [30]
    assert fake_spaces.registered[0]["name"].endswith("train")
    assert list(train()) == [1]


def test_without_zerogpu_a_gpu_function_is_unchanged():
    def train():
        return 1

    assert gpu.borrows_gpu(30)(train) is train


@pytest.mark.slow
def test_zerogpu_finds_a_gpu_function(space):
    """ZeroGPU stops a Space that has none."""
    _, report = space
    assert json.loads(report.read_text())
