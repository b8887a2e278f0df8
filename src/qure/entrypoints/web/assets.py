"""The files that pages are made of, under an address that changes whenever one of them does.

``/assets/<hash>/…`` may be kept for ever: modules import each other by relative paths, so one hash
over all of them names one consistent set.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from litestar import Router, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from qure.domain.errors import NotFound
from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.web.slimming import slim_script, slim_style

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_SLIM = {".css": slim_style, ".js": slim_script}
_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"';(]*?["'](\.[^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Assets:
    """All files by their path within ``static/``, scripts and styles without what browsers do not
    need; ``digest`` is over every name and byte."""

    files: Mapping[str, bytes]
    digest: str

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Assets:
        """These files."""
        digest = sha256()
        for name, content in files.items():
            digest.update(b"%d %b %d " % (len(name), name.encode(), len(content)))
            digest.update(content)
        return cls(files, digest.hexdigest()[:16])

    def address(self, path: str) -> str:
        """Where the file is served. Raises ``KeyError`` if there is none."""
        self.files[path]
        return f"/assets/{self.digest}/{path}"

    def modules(self, entry: str) -> tuple[str, ...]:
        """The module and all that it imports, itself first."""
        found = [entry]
        for path in found:
            for imported in _IMPORT.findall(self.files[path].decode()):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), imported))
                if target not in found:
                    found.append(target)
        return tuple(found)


@cache
def assets() -> Assets:
    """The files of this version, read once."""
    return Assets.of(read_files(_FOLDER))


def read_files(folder: Path) -> dict[str, bytes]:
    """What is served of a folder, by its path within."""
    return {
        path.relative_to(folder).as_posix(): _as_served(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }


def _as_served(path: Path) -> bytes:
    slim = _SLIM.get(path.suffix)
    content = path.read_bytes()
    return content if slim is None else slim(content.decode()).encode()


@get("/{digest:str}/{path:path}", opt={PUBLIC: True})
async def read_asset(digest: FromPath[str], path: FromPath[str]) -> ASGIResponse:
    name = path.removeprefix("/")
    content = assets().files.get(name)
    if content is None or digest != assets().digest:
        raise NotFound("not_found", "There is no such file.")
    return ASGIResponse(
        body=content,
        media_type=_TYPES[posixpath.splitext(name)[1]],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


router = Router("/assets", route_handlers=[read_asset])
