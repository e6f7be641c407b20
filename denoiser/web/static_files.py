"""The browser's files: scripts, styles and data, served from memory under an address that names their content.

Every file lies below /app/<version>/, where the version is a hash of them all and of the Python code. A browser may
therefore keep them for ever, and a page never mixes the files of two releases. Nothing else of this folder can be
reached.
"""

import hashlib
import json
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
PACKAGE = FOLDER.parent
MIME_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".png": "image/png",
}
FOREVER = "public, max-age=31536000, immutable"
NO_CACHE = "no-store"
BEST_QUALITY = 11  # of brotli
DATA_QUALITY = 9  # of data, while the first visitor waits: a map takes a tenth of the time and 0.5 % more bytes
STYLESHEET = "style.css"  # all of the styles as one file


class StaticFiles:
    """The files of the page by their path, and the route that serves them.

    `styles` are the .css files, in the order in which they apply; `generated` are further files, path to text. More can
    be added: data that every visitor gets, but that depend on the checkpoints.
    """

    def __init__(self, styles: tuple[str, ...], generated: Mapping[str, str], folder: Path = FOLDER):
        sources = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*"))
            if path.suffix in (".js", ".json")
        }
        stylesheet = "".join((folder / name).read_text(encoding="utf-8") for name in styles)
        texts = sources | dict(generated) | {STYLESHEET: stylesheet}
        code = [path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))]  # it makes the data
        self.version = hashlib.sha256(json.dumps([texts, code], sort_keys=True).encode()).hexdigest()[:16]
        self.files = {path: StaticFile(path, text.encode()) for path, text in texts.items()}

    def add(self, name: str, fingerprint: str, make: Callable[[], bytes], quality: int = DATA_QUALITY) -> str:
        """Serve another file, made when it is first asked for, and return its address.

        The address contains the `fingerprint`: a hex digest of the content, or of everything it is made from. `quality`
        is that of its compression with brotli, 0 to 11.
        """
        path = f"data/{fingerprint[:16]}/{name}"
        self.files.setdefault(path, StaticFile(path, make, quality=quality))
        return self.address(path)

    def address(self, path: str) -> str:
        """Where the page finds a file, relative to its own address; KeyError where there is none."""
        self.files[path]
        return f"app/{self.version}/{path}"

    def prepare(self, address: str) -> None:
        """Make and compress a file before the first visitor asks for it; KeyError where there is none."""
        self.files[address.removeprefix(f"app/{self.version}/")].prepare()

    def add_json(self, name: str, value: object) -> str:
        """Serve a value as a JSON file and return its address."""
        content = json.dumps(value, separators=(",", ":")).encode()
        return self.add(name, hashlib.sha256(content).hexdigest(), lambda: content)

    def route(self) -> Route:
        """The route of all files."""
        return Route("/app/{version}/{path:path}", self.answer)

    async def answer(self, request: Request) -> Response:
        """A file, or 404 where this release has none of that address."""
        file = self.files.get(request.path_params["path"])
        if file is None or request.path_params["version"] != self.version:
            return Response("There is nothing here.", 404, {"Cache-Control": NO_CACHE}, "text/plain; charset=utf-8")
        await run_in_threadpool(file.prepare)
        return file.answer(request.headers)


class StaticFile:
    """One file, as it is and compressed; its content, or a function that makes it.

    `caching` is its Cache-Control header, and `quality` that of brotli, 0 to 11.
    """

    def __init__(
        self, path: str, content: bytes | Callable[[], bytes], caching: str = FOREVER, quality: int = BEST_QUALITY
    ):
        self.caching, self.quality = caching, quality
        self.media_type = MIME_TYPES[Path(path).suffix]
        self.source = content
        self.lock = threading.RLock()  # cached_property would have one for all files in Python 3.11
        self.made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, made by the first thread that asks for it; others wait for it."""
        with self.lock:
            if name not in self.made:
                self.made[name] = make()
            return self.made[name]

    @property
    def content(self) -> bytes:
        """The file as it is."""
        return self.once("content", self.source) if callable(self.source) else self.source

    @property
    def etag(self) -> str:
        """A hash of the content, in quotation marks."""
        return self.once("etag", lambda: f'"{hashlib.sha256(self.content).hexdigest()[:24]}"')

    @property
    def bodies(self) -> dict[str, bytes]:
        """The content by encoding."""
        return self.once(
            "bodies",
            lambda: {
                "br": brotli.compress(self.content, quality=self.quality),
                "gzip": zlib.compress(self.content, 9, wbits=31),
                "identity": self.content,
            },
        )

    def prepare(self) -> None:
        """Make and compress the content, unless that is done."""
        self.bodies, self.etag  # noqa: B018 (made by being read)

    def answer(self, headers: Headers) -> Response:
        """The file in the first encoding that the browser accepts, or 304 where it has it."""
        common = {"Cache-Control": self.caching, "ETag": self.etag, "Vary": "Accept-Encoding"}
        if self.etag in headers.get("if-none-match", ""):
            return Response(status_code=304, headers=common)
        accepted = {part.split(";")[0].strip() for part in headers.get("accept-encoding", "").split(",")}
        encoding = next((name for name in ("br", "gzip") if name in accepted), "identity")
        if encoding != "identity":
            common["Content-Encoding"] = encoding
        return Response(self.bodies[encoding], headers=common, media_type=self.media_type)
