"""A stand-in for Cloudinary's upload API: a real HTTP server that checks what it is sent.

It keeps Cloudinary's rules as far as an uploader can notice them: the signature over the sorted
parameters (https://cloudinary.com/documentation/signatures), an API key, a timestamp that is not
older than an hour, overwriting only when asked to. It can be told to fail, to hang, and to answer
nonsense.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tests.support.servers.process import LOOPBACK

NOT_SIGNED = {"file", "signature", "api_key", "cloud_name", "resource_type"}


@dataclass
class Asset:
    """What is kept under one public id."""

    content: bytes
    version: int


class CloudinaryServer:
    """One account, in memory. ``url`` is what CLOUDINARY_URL is set to."""

    def __init__(
        self, *, cloud: str = "Clinic-Cloud", key: str = "123456789", secret: str = "s3cret"
    ) -> None:
        self.cloud, self.key, self.secret = cloud, key, secret
        self.assets: dict[str, Asset] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.waiting = 0
        """How many calls have come and hang."""
        self._answers: deque[int | str] = deque()
        self._gate = threading.Event()
        self._gate.set()
        self._lock = threading.Lock()
        self._version = int(time.time())
        handler = type("Handler", (_Handler,), {"account": self})
        self._server = ThreadingHTTPServer((LOOPBACK, 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def prefix(self) -> str:
        """Where the API is served."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """As an operator would set it."""
        return f"cloudinary://{self.key}:{self.secret}@{self.cloud}?upload_prefix={self.prefix}"

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def close(self) -> None:
        """Serve no more; what hangs is let go."""
        self._gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, *answers: int | str) -> None:
        """Answer the next calls so, each once.

        A status, ``"nonsense"``, ``"nothing"`` (the connection is closed), or ``"drip"``: a body
        that comes byte by byte for three seconds.
        """
        self._answers.extend(answers)

    def hang(self) -> None:
        """Answer nobody until ``resume``."""
        self._gate.clear()

    def resume(self) -> None:
        """Answer again, those who wait too."""
        self._gate.set()

    def shown_at(self, url: str) -> bytes | None:
        """What the delivery side would show at that URL."""
        own = re.fullmatch(
            rf"https://res\.cloudinary\.com/{re.escape(self.cloud)}"
            r"/image/upload/v(\d+)/(.+)\.jpg",
            url,
        )
        asset = self.assets.get(own[2]) if own else None
        return asset.content if asset and own and asset.version == int(own[1]) else None

    def answer(self, path: str, fields: dict[str, bytes]) -> tuple[int, Any]:
        """Status and body of the answer to one call."""
        parameters = {name: value.decode() for name, value in fields.items() if name != "file"}
        with self._lock:
            self.waiting += 1
        self._gate.wait()
        with self._lock:
            self.waiting -= 1
            self.calls.append((path, parameters))
            if self._answers:
                planned = self._answers.popleft()
                if isinstance(planned, str):
                    return 0, planned
                return planned, _error(f"planned {planned}")
            refusal = self._refusal(parameters)
            if refusal is not None:
                return 401, _error(refusal)
            if path == f"/v1_1/{self.cloud}/image/upload":
                return self._upload(parameters, fields.get("file"))
            if path == f"/v1_1/{self.cloud}/image/destroy":
                gone = self.assets.pop(parameters.get("public_id", ""), None)
                return 200, {"result": "ok" if gone else "not found"}
            return 404, _error("unknown cloud or action")

    def _refusal(self, parameters: dict[str, str]) -> str | None:
        if parameters.get("api_key") != self.key:
            return "Unknown API key"
        if abs(time.time() - int(parameters.get("timestamp", "0"))) > 3600:
            return "Stale request"
        signed = "&".join(
            f"{name}={value}".replace("&", "%26")
            for name, value in sorted(parameters.items())
            if name not in NOT_SIGNED and value
        )
        expected = hashlib.sha1(f"{signed}{self.secret}".encode()).hexdigest()
        if parameters.get("signature") != expected:
            return f"Invalid Signature. String to sign - '{signed}'."
        return None

    def _upload(self, parameters: dict[str, str], content: bytes | None) -> tuple[int, Any]:
        public_id = parameters.get("public_id")
        if content is None or not public_id:
            return 400, _error("Missing required parameter")
        if public_id not in self.assets or parameters.get("overwrite") == "1":
            self._version += 1
            self.assets[public_id] = Asset(content, self._version)
        version = self.assets[public_id].version
        tail = f"res.cloudinary.com/{self.cloud}/image/upload/v{version}/{public_id}.jpg"
        return 200, {
            "public_id": public_id,
            "version": version,
            "url": f"http://{tail}",
            "secure_url": f"https://{tail}",
        }


@contextmanager
def running_cloudinary() -> Iterator[CloudinaryServer]:
    """A started `CloudinaryServer`, ended when the block is left."""
    server = CloudinaryServer()
    server.start()
    try:
        yield server
    finally:
        server.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    account: ClassVar[CloudinaryServer]

    def do_POST(self) -> None:
        """One call of the API."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = self.account.answer(self.path, _fields(self.headers, body))
        if answer == "nothing":
            self.close_connection = True
            return
        if answer == "drip":
            self._drip()
            return
        if answer == "nonsense":
            status, content = 502, b"<html>Bad gateway</html>"
        else:
            content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drip(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", "30")
        self.end_headers()
        for _ in range(30):
            self.wfile.write(b" ")
            time.sleep(0.1)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at ``calls``."""


def _fields(headers: Any, body: bytes) -> dict[str, bytes]:
    boundary = re.search(r'boundary="?([^";]+)', headers["Content-Type"])
    assert boundary is not None
    fields = {}
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name is not None
        fields[name[1].decode()] = content.removesuffix(b"\r\n")
    return fields


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}
