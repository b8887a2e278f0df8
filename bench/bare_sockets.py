"""The ceiling for fan-out in Python: a bare loop of ``send`` over open WebSockets.

``POST /emit`` sends the body, framed once as text, to every connection.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import uvicorn

from qure.entrypoints.process.server import uvicorn_options

_sends: list[Any] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """One request or connection."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await _hold(receive, send)
    else:
        body = b""
        more = True
        while more:
            event = await receive()
            body, more = body + event["body"], event.get("more_body", False)
        text = '{"event":"queue:status_update","data":[' + body.decode() + "]}"
        for one in _sends:
            await one({"type": "websocket.send", "text": text})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _hold(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "text": '{"event":"auth","data":[]}'})
    _sends.append(send)
    while (await receive())["type"] != "websocket.disconnect":
        continue
    _sends.remove(send)


async def main() -> None:
    """Serve until told to stop."""
    options = uvicorn_options()
    server = uvicorn.Server(uvicorn.Config(app, port=int(os.environ["PORT"]), **options))
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    await server.serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
