"""The browser's files: scripts, styles and data, served from memory under an address that names their content.

Every file lies below /app/<version>/, where the version is a hash of them all. A browser may therefore keep them for
ever, and a page never mixes the scripts of two releases. Nothing else of this folder can be reached.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import brotli
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
MIME_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
}
FOREVER = "public, max-age=31536000, immutable"
NO_CACHE = "no-store"
STYLESHEET = "style.css"  # all of the styles as one file


class StaticFiles:
    """The files of the page by their path, and the route that serves them.

    `generated` are further files, path to text; `styles` the .css files, in the order in which they apply.
    """

    def __init__(self, styles: tuple[str, ...], generated: Mapping[str, str], folder: Path = FOLDER):
        sources = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*"))
            if path.suffix in (".js", ".json")
        }
        stylesheet = "".join((folder / name).read_text(encoding="utf-8") for name in styles)
        texts = sources | dict(generated) | {STYLESHEET: stylesheet}
        digest = hashlib.sha256(json.dumps(texts, sort_keys=True).encode())
        self.version = digest.hexdigest()[:16]
        self.files = {path: StaticFile(path, text.encode()) for path, text in texts.items()}

    def address(self, path: str) -> str:
        """Where the page finds a file, relative to its own address; KeyError where there is none."""
        self.files[path]
        return f"app/{self.version}/{path}"

    def route(self) -> Route:
        """The route of all files."""
        return Route("/app/{version}/{path:path}", self.answer)

    async def answer(self, request: Request) -> Response:
        """A file, or 404 where this release has none of that address."""
        file = self.files.get(request.path_params["path"])
        if file is None or request.path_params["version"] != self.version:
            return Response("There is nothing here.", 404, {"Cache-Control": NO_CACHE}, "text/plain; charset=utf-8")
        return file.answer(request.headers)


class StaticFile:
    """One file, as it is and compressed."""

    def __init__(self, path: str, content: bytes):
        self.media_type = MIME_TYPES[Path(path).suffix]
        self.etag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
        self.bodies = {
            "br": brotli.compress(content),
            "gzip": zlib.compress(content, 9, wbits=31),
            "identity": content,
        }

    def answer(self, headers: Headers) -> Response:
        """The file in the first encoding that the browser accepts, or 304 where it has it."""
        common = {"Cache-Control": FOREVER, "ETag": self.etag, "Vary": "Accept-Encoding"}
        if self.etag in headers.get("if-none-match", ""):
            return Response(status_code=304, headers=common)
        accepted = {part.split(";")[0].strip() for part in headers.get("accept-encoding", "").split(",")}
        encoding = next((name for name in ("br", "gzip") if name in accepted), "identity")
        if encoding != "identity":
            common["Content-Encoding"] = encoding
        return Response(self.bodies[encoding], headers=common, media_type=self.media_type)
