"""The part of the Hugging Face Hub's API that creates repositories, commits files to them and hands them out.

A plugin of conftest.py: the fixture `hub` is there for every test.
"""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMIT = "0123456789abcdef" * 2 + "01234567"


class Hub(BaseHTTPRequestHandler):
    """One repository, made by the first request for one.

    `server` keeps what it received, and lists the files `there`; `refusal` is a status code and a sentence.
    """

    def answer(self, body, status=200, **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        hub = self.server
        hub.requests.append(f"{self.command} {self.path}")
        if hub.refusal:
            self.answer({"error": hub.refusal[1]}, hub.refusal[0])
        elif not hub.created:
            self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
        elif "/resolve/" in self.path:
            self.hand_out(*self.path.partition("/resolve/")[2].split("/", 1))
        elif "/tree/" in self.path:
            self.answer([{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in hub.there])
        else:
            self.answer({"id": hub.name, "sha": COMMIT, "private": False, "siblings": [], "sdk": "gradio"})

    do_HEAD = do_GET

    def hand_out(self, revision, name):
        """A file of the repository, which has one commit."""
        if revision not in ("main", COMMIT):
            self.answer({"error": "Revision not found"}, 404, X_Error_Code="RevisionNotFound")
        elif (content := arrived(self.server).get(name)) is None:
            self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        else:
            tag = hashlib.sha256(content).hexdigest()
            self.answer(content, ETag=f'"{tag}"', X_Repo_Commit=COMMIT)

    def do_PUT(self):
        self.server.stored[self.path.rpartition("/")[2]] = self.body()
        self.answer({})

    def do_POST(self):
        hub, body, url = self.server, self.body(), f"http://127.0.0.1:{self.server.server_port}"
        hub.requests.append(f"POST {self.path}")
        if self.headers.get("Authorization") != "Bearer hf_fits":
            return self.answer({"error": "Invalid username or password."}, 401)
        if self.path == "/api/repos/create":
            if hub.refusal:
                return self.answer({"error": hub.refusal[1]}, hub.refusal[0])
            wanted = json.loads(body)
            there, hub.created = hub.created, hub.created or wanted
            hub.name = "/".join(part for part in (wanted.get("organization"), wanted["name"]) if part)
            place = f"spaces/{hub.name}" if wanted.get("type") == "space" else hub.name
            return self.answer({"url": f"{url}/{place}", "name": hub.name}, 409 if there else 200)
        if "/preupload/" in self.path:
            return self.answer({"files": [self.mode(file) for file in json.loads(body)["files"]]})
        if self.path.endswith("/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for entry in objects:
                entry["actions"] = {"upload": {"href": f"{url}/store/{entry['oid']}"}}
            return self.answer({"transfer": "basic", "objects": objects})
        if "/commit/" in self.path:
            hub.commits.append([json.loads(line) for line in body.splitlines()])
            hub.there = sorted({*hub.there, *arrived(hub)})
            place = f"spaces/{hub.name}" if "/spaces/" in self.path else hub.name
            return self.answer({"commitUrl": f"{url}/{place}/commit/1", "commitOid": "1"})
        return self.answer({"success": True})  # such as validating the README's front matter

    def mode(self, file):
        try:
            base64.b64decode(file["sample"]).decode()
            large = file["size"] > 10 * 2**20
        except UnicodeDecodeError:
            large = True
        return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": None}

    def log_message(self, *given):
        pass


def arrived(hub) -> dict:
    """The content of each committed file by its path; None if it was deleted."""
    found = {}
    for line in (line for commit in hub.commits for line in commit):
        value = line["value"]
        if line["key"] == "file":
            found[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            found[value["path"]] = hub.stored[value["oid"]]
        elif line["key"] == "deletedFile":
            found[value["path"]] = None
    return found


@pytest.fixture
def hub():
    """A Hub on which the token hf_fits may create one repository and write to it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.there, server.stored, server.commits, server.requests = [".gitattributes", "README.md"], {}, [], []
    server.refusal = server.created = None
    server.name = ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
