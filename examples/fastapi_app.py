"""standby in a FastAPI service: one Router for the life of the process, made and closed by the lifespan.

Run it with:  STANDBY_CONFIG=standby.yaml uvicorn examples.fastapi_app:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from standby import CallFailed, RoutedStream, Router


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Router.from_yaml(os.environ["STANDBY_CONFIG"]) as router:
        app.state.router = router
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/answer")
async def answer(request: Request) -> dict[str, object]:
    """A whole answer. A caller waits at most for the route's deadline."""
    question = (await request.json())["question"]
    try:
        found = await request.app.state.router.complete(question, route="chat")
    except CallFailed as failure:
        raise HTTPException(503, detail=failure.kind.value) from None
    return {"text": found.text, "target": found.target}


@app.post("/stream")
async def stream(request: Request) -> StreamingResponse:
    """The answer as it comes. The first piece is awaited here, so that a failure is still a real status."""
    question = (await request.json())["question"]
    opened: RoutedStream = request.app.state.router.stream(question, route="chat")
    pieces = opened.text()
    try:
        first = await anext(pieces, "")
    except CallFailed as failure:
        await opened.aclose()
        raise HTTPException(503, detail=failure.kind.value) from None

    async def body() -> AsyncIterator[str]:
        async with opened:  # a client that leaves closes the upstream connection
            yield first
            async for piece in pieces:
                yield piece

    return StreamingResponse(body(), media_type="text/plain")
