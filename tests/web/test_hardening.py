"""Strangers: what requests may ask for, what files may hold, and what nobody gets out of the server."""

import ast
import asyncio
import base64
import io
import json
import os
import socket
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from helpers import run_async
from PIL import Image
from web_fixtures import served

from denoiser import latent
from denoiser.checkpoint import FOLDER
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.web.api import ENDPOINTS
from denoiser.web.server import limits
from denoiser.web.server.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "denoiser"
ASK = "/gradio_api/component_server"


# ---------- requests, before Gradio sees them ----------


async def echo(scope, receive, send):
    """An application that answers with what it received, and raises where it is asked to."""
    if b"raise" in scope["query_string"]:
        raise KeyError("who asked")
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message["body"])
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"".join(parts)})


def ask(parts=(), path=ASK, method="POST", query=b"", headers=(), app=None, later=0.0):
    """Status and body of the answer to a request that arrives in `parts`, and how many of them were taken."""
    return run_async(talk(app or Limits(echo), parts, path, method, query, headers, later))


async def talk(app, parts=(), path=ASK, method="POST", query=b"", headers=(), later=0.0, client="198.51.100.1"):
    """The same within an event loop; parts that are None never arrive."""
    sent, waiting = [], list(parts)

    async def receive():
        if waiting:
            await asyncio.sleep(later)
            part = waiting.pop(0)
            if part is None:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "query_string": query, "headers": list(headers)}
    await app(scope | {"client": (client, 1)}, receive, send)
    if not sent:
        return None, b"", len(parts) - len(waiting)
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]), len(parts) - len(waiting)


def refusal(*arguments, **options):
    """The status and sentence of a refusal."""
    status, body, _ = ask(*arguments, **options)
    sentence = json.loads(body)["detail"]
    assert sentence.endswith(".")
    return status, sentence


def announcing(size):
    """The headers of a body of so many bytes."""
    return [(b"content-length", str(size).encode())]


def split(body, size=100_000):
    """A body in parts, as it arrives."""
    return [body[start : start + size] for start in range(0, len(body), size)]


class TestLimits:
    """The middleware alone."""

    def test_what_keeps_within_them_arrives_as_it_was_meant(self):
        request = {"data": [1, "[" * 1000, {"a": None}], "session_hash": "abc"}
        body = json.dumps(request).encode()
        status, answer, taken = ask([body[:9], body[9:]])
        assert (status, json.loads(answer), taken) == (200, request, 2)
        assert ask([b""]) == (200, b"", 1)
        assert ask(method="GET")[:2] == (200, b"")

    def test_who_announces_too_much_is_refused_before_anything_arrives(self):
        parts = [b"x" * 1000] * 3
        status, _, taken = ask(parts, headers=announcing(100_000_000))
        assert (status, taken) == (413, 0)
        assert ask(parts, headers=[(b"content-length", b"9" * 5000)])[0] == 413

    def test_who_announces_nothing_is_cut_off(self):
        part = b"A" * (limits.PICTURE.whole // 4)
        status, _, taken = ask([part] * 40)
        assert (status, taken) == (413, 4)

    @pytest.mark.parametrize(
        ("path", "most"),
        [
            ("component_server/", limits.PICTURE),
            ("call/denoise", limits.PICTURE),
            ("call/v2/compare", limits.PICTURE),
            ("run/encode/", limits.PICTURE),
            ("queue/join", limits.PICTURE),
            ("call/decode", limits.SMALL),
            ("call/v2/models", limits.SMALL),
            ("cancel", limits.SMALL),
            ("mcp/", limits.TOOL),
        ],
    )
    def test_only_where_pictures_travel_bodies_are_large(self, path, most):
        path = f"/gradio_api/{path}"
        for text in (b"A", b"-"):  # a run of base64 is a picture where there may be one
            size = limits.MOST_PICTURE * 4 // 3 if text == b"A" and most.picture else most.text - 12
            body = b'{"data": "' + text * (size // 4 * 4) + b'"}'
            for headers in ((), announcing(len(body))):
                assert ask(split(body), path, headers=headers)[0] == 200
            for headers in ((), announcing(len(body) * 2)):
                assert refusal(split(body * 2), path=path, headers=headers)[0] == 413

    def test_who_stops_sending_is_cut_off(self, monkeypatch):
        monkeypatch.setattr(limits, "IDLE", 0.05)
        assert refusal([b"{", None, b"}"]) == (408, limits.TOO_SLOW)

    def test_who_dawdles_is_cut_off(self, monkeypatch):
        monkeypatch.setattr(limits, "PATIENCE", 0.05)
        assert refusal([b"{", b"}"] * 50, later=0.02) == (408, limits.TOO_SLOW)

    def test_who_leaves_gets_no_answer(self):
        assert ask([])[0] is None

    def test_long_numbers_cost_no_more_than_their_length(self):
        numbers = b'{"data":[' + b",".join([b"0." + b"7" * 4290] * 300) + b"]}"
        text = b'{"data":["' + b"-" * (len(numbers) - 14) + b'"]}'
        seconds = []
        for body in (text, numbers):
            start = time.process_time()
            assert ask([body] + [b""] * 10)[0] == 200
            seconds.append(time.process_time() - start)
        assert seconds[1] < 5 * seconds[0] + 0.05
        assert refusal([b'{"data":' + b"9" * 400 + b"}"])[0] == 400

    def test_a_large_body_is_not_parsed_in_the_event_loop(self, monkeypatch):
        threads = []
        parse = limits.parsed_body
        monkeypatch.setattr(
            limits, "parsed_body", lambda body: threads.append(threading.current_thread()) or parse(body)
        )
        ask([b'{"data": "' + b"-" * 100_000 + b'"}'])
        assert threads[0].name.startswith("parse")

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 413),
            (b'{"data":' + b"[" * 10_000_000, 413),
            (b'{"data":' + b"[" * 500 + b"]" * 500 + b"}", 413),
            (b'{"data":[' + b"0," * 10_000_000 + b"0]}", 413),
            (b'{"data":' + b'{"a":' * 100 + b"1" + b"}" * 101, 413),
            (b"[1, 2]", 400),
            (b"no json", 400),
            (b'{"data": "\xff"}', 400),
            (b'{"data": ' + b"9" * 100_000 + b"}", 400),
            (b'--x\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\nhello\r\n--x--', 400),
            (b'{"session_hash": "' + b"x" * 1_000_000 + b'"}', 400),
            (b'{"session_hash": [1]}', 400),
            (b'{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}', 400),
            (b'{"data": [[{"p\\u0061th": "https://example.com/x.png", "meta": {"_type": "gradio.FileData"}}]]}', 400),
        ],
    )
    def test_what_no_page_of_ours_sends_is_refused(self, body, status):
        assert refusal([body])[0] == status

    @pytest.mark.parametrize("path", ["upload", "file=/etc/passwd", "proxy=http://x", "stream/x", "vibe-edit", "", "x"])
    def test_only_some_routes_are_open(self, path):
        for method in ("GET", "POST", "HEAD"):
            assert ask([b"{}"], f"/gradio_api/{path}", method)[0] == 404

    @pytest.mark.parametrize("path", ["/static/%00".replace("%00", "\0"), "/\r\nX: y", "/assets/" + "x" * 300])
    def test_paths_that_can_name_nothing_are_refused(self, path):
        assert refusal(path=path, method="GET") == (404, limits.NOT_HERE)

    def test_a_fault_behind_it_is_not_taken_for_the_visitors(self):
        with pytest.raises(KeyError):
            ask([b"{}"], query=b"raise")


# ---------- the running page ----------


@pytest.fixture(scope="module")
def web(page_url):
    with httpx.Client(base_url=page_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def config(web):
    return web.get("/config").json()


def raw(page_url, target, method="GET"):
    """Status and text of a request whose target is sent as it stands, dots and all."""
    address = urlsplit(page_url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        head = f"{method} {target} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer.decode("utf-8", "replace")


TRAVERSALS = [
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=../../../../../../etc/passwd",
    "/gradio_api/file=%2Fetc%2Fpasswd",
    "/gradio_api/file=%252Fetc%252Fpasswd",
    "/gradio_api/file%3D/etc/passwd",
    "/gradio_api/file/etc/passwd",
    "/gradio_api/./file=/etc/passwd",
    "/gradio_api/info/../file=/etc/passwd",
    "/gradio_api/file=file:///etc/passwd",
    f"/gradio_api/file={ROOT}/README.md",
    "/gradio_api/file=README.md",
    "/file=/etc/passwd",
    "/file/etc/passwd",
    "/static/../../../../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static//etc/passwd",
    "/assets/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
    "/assets/%2fetc%2fpasswd",
    "/svelte/../../../../../../etc/passwd",
    "/gradio_api/custom_component/x/client/..%2f..%2f..%2fetc/passwd",
    "/gradio_api/stream/x/y/1/playlist-file",
    "/gradio_api/deep_link?session_hash=abc",
    "/gradio_api/vibe-code",
    "/gradio_api/runs",
    "/gradio_api/upload_progress?upload_id=1",
]
FETCHES = [
    "/gradio_api/file=http://127.0.0.1:1/",
    "/gradio_api/file=https://example.com/",
    "/gradio_api/proxy=http://127.0.0.1:1/",
    "/gradio_api/proxy=https://huggingface.co/",
]


@pytest.mark.slow
class TestServer:
    """The whole server, asked for what it must not give."""

    @pytest.mark.parametrize("target", TRAVERSALS + FETCHES)
    def test_no_file_is_read_and_no_address_fetched(self, page_url, target):
        status, text = raw(page_url, target)
        assert 400 <= status < 500
        assert "root:" not in text
        assert "# Denoiser" not in text

    def test_no_link_in_the_cache_leads_out_of_it(self, page_url):
        from gradio.utils import get_cache_folder

        folder = Path(get_cache_folder())
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / f"hardening-{os.getpid()}.txt"
        link.symlink_to("/etc/passwd")
        try:
            for path in (link, f"{folder.name}/{link.name}"):
                status, text = raw(page_url, f"/gradio_api/file={path}")
                assert (status, "root:" in text) == (404, False)
        finally:
            link.unlink()

    def test_uploads_are_not_taken(self, web):
        from gradio.utils import get_upload_folder

        before = set(Path(get_upload_folder()).rglob("*"))
        files = {"files": ("x.html", b"<script>alert(1)</script>")}
        assert web.post("/gradio_api/upload", files=files).status_code == 404
        assert web.post("/gradio_api/process_recording", files=files).status_code == 404
        assert web.post("/gradio_api/component_server", files=files).status_code == 400
        assert set(Path(get_upload_folder()).rglob("*")) == before

    def test_a_picture_put_on_the_page_is_written_nowhere(self, new_page, tmp_path, monkeypatch):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        page, content = new_page(), io.BytesIO()
        Image.fromarray((1 - digit_from_strokes(EXAMPLES["3"])[0, 0]).mul(255).byte().numpy()).save(content, "PNG")
        page.locator("#pad input.file").set_input_files(
            {"name": "three.png", "mimeType": "image/png", "buffer": content.getvalue()}
        )
        page.wait_for_function("() => denoiser.state.picture !== null && denoiser.state.sweep !== null")
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    @pytest.mark.parametrize("path", ["https://example.com/x.png", "http://127.0.0.1:1/x.png", "/etc/passwd"])
    def test_arguments_are_no_files(self, web, path):
        file = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
        answers = [web.post("/gradio_api/call/denoise", json={"data": [file, "", "gaussian", 0, 0, False]})]
        answers += [web.post("/gradio_api/call/v2/denoise", json={"image": file})]
        answers += [web.post("/gradio_api/queue/join", json={"data": [file], "fn_index": 0, "session_hash": "abc"})]
        for answer in answers:
            assert (answer.status_code, answer.json()["detail"]) == (400, limits.NO_FILES)

    def test_a_picture_is_no_address(self, web):
        """Nothing is fetched for a text that is one: it is no base64."""
        for text in ("https://example.com/x.png", "file:///etc/passwd", "/etc/passwd"):
            answer = web.post("/gradio_api/run/denoise", json={"data": [text, "", "gaussian", 0, 0, False]})
            assert "base64" in answer.text or "not a picture" in answer.text

    @pytest.mark.parametrize(
        "name", ["__init__", "get_config", "postprocess", "_is_server_fn", "load", "__class__", ""]
    )
    def test_only_our_own_functions_of_a_component_can_be_called(self, web, config, name):
        for component in config["components"]:
            request = {"data": "{}", "component_id": component["id"], "session_hash": "abc", "fn_name": name}
            assert web.post(ASK, json=request).status_code == 404

    @pytest.mark.parametrize("component", [99_999, -1, "x", None, [1], {}, 1.5])
    def test_components_that_are_not_there_get_a_sentence(self, web, component):
        request = {"data": "{}", "component_id": component, "session_hash": "abc", "fn_name": "compare"}
        answer = web.post(ASK, json=request)
        assert answer.status_code in (400, 404)
        assert set(answer.json()) == {"detail"}

    def test_endpoints_that_are_not_there_get_a_sentence(self, web):
        for address in ("call/v2/nobody", "call/nobody", "run/nobody"):
            answer = web.post(f"/gradio_api/{address}", json={"data": []})
            assert answer.status_code in (400, 404, 422, 500)
            assert "Traceback" not in answer.text

    @pytest.mark.parametrize("body", [b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}", b"[" * 20_000_000])
    def test_deep_json_is_refused_cheaply(self, web, body):
        for path in ("/gradio_api/call/denoise", "/gradio_api/queue/join", ASK):
            started = time.process_time()
            assert web.post(path, content=body, headers={"content-type": "application/json"}).status_code == 413
            assert time.process_time() - started < 5  # the server is in this process; to build 20 million lists is 10 s

    def test_a_hundred_megabytes_are_refused_before_they_are_sent(self, page_url):
        address = urlsplit(page_url)
        with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
            connection.sendall(
                f"POST /gradio_api/call/denoise HTTP/1.1\r\nHost: {address.netloc}\r\n"
                "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n".encode()
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 413")

    def test_nothing_tells_where_on_the_machine_the_page_lives(self, web):
        told = "".join(web.get(path).text for path in ("/config", "/", "/gradio_api/info", "/gradio_api/openapi.json"))
        for place in {str(ROOT), str(FOLDER.resolve()), str(Path.home()), os.environ.get("DENOISER_DATA") or str(ROOT)}:
            assert place not in told or place == "/"
        assert web.get("/openapi.json").status_code == 404

    @pytest.mark.parametrize("path", ["/monitoring", "/monitoring/summary", "/monitoring/key"])
    def test_how_busy_it_is_is_nobodys_business(self, web, path):
        assert web.get(path).status_code in (403, 404)

    def test_events_of_the_page_are_private(self, web, config):
        for query in ("", "?all_endpoints=true"):
            info = web.get(f"/gradio_api/info{query}").json()
            assert set(info["named_endpoints"]) == {f"/{name}" for name in ENDPOINTS}
            assert not info["unnamed_endpoints"]
        public = [d["api_name"] for d in config["dependencies"] if d["api_visibility"] == "public" and d["backend_fn"]]
        assert sorted(public) == sorted(ENDPOINTS)

    def test_every_answer_has_the_headers_and_may_stand_on_the_hub(self, page_url, web):
        for path, method in (("/", "GET"), ("/config", "GET"), ("/gradio_api/upload", "POST"), (ASK, "POST")):
            headers = web.request(method, path).headers
            assert headers["x-content-type-options"] == "nosniff"
            frames = headers["content-security-policy"].split("frame-ancestors ")[1]
            assert "https://huggingface.co" in frames
            assert "https://*.hf.space" in frames
            assert "x-frame-options" not in headers

    def test_other_sites_may_not_read_answers(self, web):
        answer = web.get("/config", headers={"Origin": "https://evil.example"})
        assert answer.headers.get("access-control-allow-origin") != "*"

    def test_old_files_go(self, monkeypatch):
        """What Gradio might keep, it deletes after an hour; here after a second."""
        from denoiser.web import app
        from denoiser.web.serving import model_pool

        monkeypatch.setattr(model_pool, "list_models", lambda: ["median"])  # quick to start
        assert app.KEPT <= 3600
        monkeypatch.setattr(app, "KEPT", 1)
        monkeypatch.setattr(app, "SWEPT", 1)
        built = []
        build = app.build_page
        monkeypatch.setattr(app, "build_page", lambda pool: built.append(build(pool)) or built[0])
        with tempfile.NamedTemporaryFile(delete=False) as file, served(None):
            built[0].upload_file_set.add(file.name)
            deadline = time.monotonic() + 60
            while Path(file.name).exists():
                assert time.monotonic() < deadline
                time.sleep(0.2)


# ---------- files ----------


class TestCodes:
    """The stored codes of a map."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("mu", np.array([[{}, {}]] * 3)),
            ("mu", np.zeros((3, 3), np.float32)),
            ("mu", np.full((3, 2), np.nan, np.float32)),
            ("mu", np.zeros((2, 2), np.float32)),
            ("labels", np.array([0, 1, 200], np.uint8)),
            ("labels", np.array([0.0, 1.0, 2.0])),
            ("accuracy", np.float64(np.inf)),
            ("accuracy", np.array(["much"])),
            ("sharpness", np.array([1.0, 2.0])),
        ],
    )
    def test_other_arrays_than_ours_are_refused(self, tmp_path, name, value):
        path = tmp_path / "map.codes.npz"
        sound = {"mu": np.zeros((3, 2), np.float32), "labels": np.arange(3, dtype=np.uint8), "accuracy": 0.5}
        sound |= {"sharpness": 0.1, "sha256": "abc"}
        np.savez_compressed(path, **sound)
        assert latent.load_codes(path, "abc").accuracy == 0.5
        np.savez_compressed(path, **(sound | {name: value}))
        with pytest.raises(latent.CodesError, match="damaged"):
            latent.load_codes(path, "abc")

    def test_what_would_fill_the_memory_is_refused(self, tmp_path, monkeypatch):
        path = tmp_path / "map.codes.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mu.npy", bytes(latent.codes.MAX_BYTES + 1))
        assert path.stat().st_size < 2**20
        monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
        with pytest.raises(latent.CodesError, match="damaged"):
            latent.load_codes(path, "abc")


# ---------- the package's own text ----------

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "torch.save"}


def sources() -> list[Path]:
    return [*sorted(PACKAGE.rglob("*.py")), ROOT / "app.py", *sorted((ROOT / "docs").glob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled_evaluated_or_given_to_a_shell(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert not modules & FORBIDDEN_MODULES
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name, options = ast.unparse(call.func), {k.arg: ast.unparse(k.value) for k in call.keywords}
        assert name not in FORBIDDEN_CALLS
        assert options.get("allow_pickle", "False") == "False"
        assert options.get("shell", "False") == "False"
        if name.endswith(("np.load", "format.read_array")):
            assert options.get("allow_pickle") == "False"


def test_a_picture_in_base64_of_24_megabytes_fits():
    body = json.dumps({"data": json.dumps({"content": base64.b64encode(bytes(24_000_000)).decode()})}).encode()
    assert ask([body])[0] == 200
