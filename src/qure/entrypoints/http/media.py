"""``/media``: images that are kept on this machine's disk."""

from anyio import open_file
from litestar import Router, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import Scope

from qure.domain.errors import NotFound
from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.http.calls import parts_of

_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


@get("/{name:path}", opt={PUBLIC: True})
async def read_image(name: FromPath[str], scope: Scope) -> ASGIResponse:
    path = await parts_of(scope).container.media.find(name.removeprefix("/"))
    if path is None:
        raise NotFound("not_found", "There is no such picture.")
    try:
        async with await open_file(path, "rb") as file:
            content = await file.read()
    except FileNotFoundError:
        raise NotFound("not_found", "There is no such picture.") from None
    return ASGIResponse(
        body=content,
        media_type=_TYPES[path.suffix],
        # A new image gets a new name, so this one may be kept for ever.
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


router = Router("/media", route_handlers=[read_image])
