"""The browser's files: what is served, how, and that nothing else of the folder is."""

import gzip
import json
import re
from pathlib import Path

import brotli
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from denoiser.web import static_files
from denoiser.web.components import INLINE_STYLES, LATER, STYLES, component, first_in_head
from denoiser.web.components import static_files as files_of_the_page
from denoiser.web.static_files import StaticFiles

FOLDER = Path(static_files.__file__).parent


@pytest.fixture(scope="module")
def files():
    return files_of_the_page()


@pytest.fixture(scope="module")
def client(files):
    return TestClient(Starlette(routes=[files.route()]))


def test_every_script_and_every_style_is_there(files):
    scripts = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js")}
    styles = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.css")}
    assert scripts <= set(files.files)
    assert styles == {*STYLES, *INLINE_STYLES}
    stylesheet = files.files["style.css"].bodies["identity"].decode()
    assert all((FOLDER / name).read_text() in stylesheet for name in STYLES)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("shell/store.js", "text/javascript"), ("style.css", "text/css"), ("i18n/zh-CN.json", "application/json")],
)
def test_a_browser_keeps_a_file_for_ever(client, files, path, media_type):
    answer = client.get(files.address(path))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = client.get(files.address(path), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding", "decode"),
    [("gzip, deflate, br", "br", brotli.decompress), ("gzip;q=1", "gzip", gzip.decompress), ("", None, bytes)],
)
def test_files_travel_compressed(client, files, accepted, encoding, decode):
    with client.stream("GET", files.address("style.css"), headers={"Accept-Encoding": accepted}) as answer:
        body = b"".join(answer.iter_raw())
    content = files.files["style.css"].bodies["identity"]
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert decode(body) == content
    assert encoding is None or len(body) < len(content) / 3


@pytest.mark.parametrize(
    "path",
    [
        *("app.py", "static_files.py", "denoise/tab.py", "denoise/pad/pad.html", "denoise/pad/pad.css", "__init__.py"),
        *("", "shell", "shell/", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "shell/..%2f..%2fapp.py"),
        *("/etc/passwd", "%2fetc%2fpasswd", "shell/store.js%00", "shell/store.js/", "SHELL/STORE.JS"),
    ],
)
def test_nothing_else_can_be_reached(client, files, path):
    assert client.get(f"/app/{files.version}/{path}").status_code == 404


def test_other_releases_are_not_mixed_in(client, files, tmp_path):
    assert client.get(f"/app/{'0' * len(files.version)}/shell/store.js").status_code == 404
    (tmp_path / "a.js").write_text("1")
    before = StaticFiles((), {}, tmp_path)
    (tmp_path / "a.js").write_text("2")
    assert StaticFiles((), {}, tmp_path).version != before.version
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "b.json").write_text("{}")
    assert StaticFiles((), {}, tmp_path).version != before.version


def test_data_are_made_once_and_when_asked_for(client, files):
    calls = []

    def make():
        calls.append(1)
        return b"[" + b"1," * 10_000 + b"1]"

    address = files.add("a.json", "0123456789abcdef0123", make)
    assert calls == []
    answer = client.get(address, headers={"Accept-Encoding": "br"})
    assert (len(answer.json()), answer.headers["content-encoding"]) == (10_001, "br")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get(files.add("a.json", "0123456789abcdef0123", make)).status_code == 200
    assert calls == [1]
    assert files.add("a.json", "fedcba9876543210", make) != address
    prepared = files.add("b.json", "0123456789abcdef0123", make)
    files.prepare(prepared)
    assert calls == [1, 1]
    assert client.get(prepared).status_code == 200
    assert calls == [1, 1]


def test_addresses_are_relative_so_that_the_page_may_stand_anywhere(files):
    for address in re.findall(r'href="([^"]*)"', first_in_head()):
        assert address.startswith(f"app/{files.version}/")
        assert address.removeprefix(f"app/{files.version}/") in files.files


def test_templates_of_other_pages_are_one_file_and_not_in_the_page(files):
    found = json.loads(files.files[LATER].content)
    templates = found["templates"]
    assert {"models/models.js", "latent/map/map.js"} <= set(found["scripts"]) <= set(files.files)
    assert {"models/models", "originals/wall"} <= set(templates)
    assert not [path for path in templates if path.startswith(("shell/", "denoise/"))]
    assert ">All models</button>" in templates["models/models"]
    later, first = component("models/models"), component("denoise/pad/pad")
    assert later.html_template == ""
    assert '"template": true' in later.js_on_load
    assert "Undo" in first.html_template
    assert '"template": false' in first.js_on_load


WRITES_MARKUP = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write)\b")


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.js")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_only_one_script_writes_markup(path):
    """shell/html.js escapes whatever is filled in; every other script has to go through it."""
    code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    writes = WRITES_MARKUP.findall(re.sub(r"//[^\n]*", "", code))
    assert bool(writes) == (path.relative_to(FOLDER).as_posix() == "shell/html.js"), writes
