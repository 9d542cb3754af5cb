"""The server's URLs, and the handler of each."""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import torch
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from genlab.errors import GenlabError, in_one_line
from genlab.explore import page_files
from genlab.explore.answers import PRIMITIVES, Asked, gallery_part
from genlab.explore.directions import attribute_direction
from genlab.explore.entries import Entries, Entry, NotThere
from genlab.explore.guard import Guard
from genlab.explore.opened import OpenModel, OpenModels, Superseded, Turn
from genlab.explore.training import card_of, find_picture, thumbnail_of, training_of, version_of
from genlab.explore.wire import bytes_of

BYTES = "application/octet-stream"


def application(args: argparse.Namespace, entries: Entries) -> Starlette:
    """Build the application.

    Args:
        args: the command's arguments.
        entries: the runs to choose from.
    """
    server = Server(entries, OpenModels(args))
    model = "/api/models/{key:path}"
    run = "/api/runs/{key:path}"
    return Starlette(
        routes=[
            Route("/", server.page),
            Route("/page/{name:path}", server.file),
            Route("/api/runs", server.runs),
            Route(f"{run}/thumbnail", server.thumbnail),
            Route(f"{run}/training", server.training),
            Route(f"{run}/pictures/{{name}}", server.picture),
            Route(f"{model}/gallery/{{what}}", server.gallery),
            Route(f"{model}/attributes/{{name:path}}", server.attribute),
            Route(f"{model}/{{primitive}}", server.primitive, methods=["POST"]),
            Route(model, server.model),
        ],
        middleware=[Middleware(Guard, host=args.host)],
        lifespan=server.lifespan,
        exception_handlers={
            NotThere: _refused(404),
            GenlabError: _refused(400),
            Superseded: _dropped,
            HTTPException: _http,
            ClientDisconnect: _refused(400),  # nobody is left to read the answer
            Exception: _refused(500),
        },
    )


class Server:
    """Handlers of requests.

    Args:
        entries: the runs to choose from.
        models: the open models.
    """

    def __init__(self, entries: Entries, models: OpenModels) -> None:
        self._entries, self._models = entries, models

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Open the model that the page shows first while the browser starts."""
        opening = asyncio.create_task(self._open_chosen())
        yield
        opening.cancel()

    async def _open_chosen(self) -> None:  # errors are reported when the page asks for the model
        with contextlib.suppress(GenlabError):
            if self._entries.chosen is not None:
                await self._models.get(self._entries.chosen)

    async def page(self, request: Request) -> Response:
        """Return the page."""
        content, policy = page_files.index()
        return Response(content, media_type="text/html", headers={"Content-Security-Policy": policy})

    async def file(self, request: Request) -> Response:
        """Return a file of the page."""
        content, kind = page_files.file_of(request.path_params["name"])
        return Response(content, media_type=kind)

    async def runs(self, request: Request) -> Response:
        """List all runs, the newest first."""
        chosen = self._entries.chosen
        return JSONResponse({"runs": await run_in_threadpool(self._cards), "chosen": chosen and chosen.key})

    async def thumbnail(self, request: Request) -> Response:
        """Return a thumbnail of a run's last picture."""
        entry = self._entry(request)
        if entry.run is None:
            raise NotThere("a checkpoint has no pictures")
        return Response(await run_in_threadpool(thumbnail_of, entry.run), media_type="image/png")

    async def training(self, request: Request) -> Response:
        """Return the curves and pictures of a run; if nothing is new, an empty answer with status 304."""
        entry = self._entry(request)
        if entry.run is None:
            return JSONResponse({"live": False, "metrics": {}, "pictures": []})
        tag = f'"{await run_in_threadpool(version_of, entry.run)}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return JSONResponse(await run_in_threadpool(training_of, entry.run), headers={"ETag": tag})

    async def picture(self, request: Request) -> Response:
        """Return a picture of a run's training."""
        entry = self._entry(request)
        if entry.run is None:
            raise NotThere("a checkpoint has no pictures")
        picture = find_picture(entry.run, request.path_params["name"])
        return Response(await run_in_threadpool(picture.content), media_type="image/png")

    async def model(self, request: Request) -> Response:
        """Describe a model."""
        model = await self._models.get(self._entry(request), newest=True)
        return JSONResponse(model.description)

    async def gallery(self, request: Request) -> Response:
        """Return images, codes or conditions of the gallery."""
        model = await self._model(request)
        found = gallery_part(model.explored, request.path_params["what"], request.query_params.get("part"))
        return Response(await run_in_threadpool(bytes_of, found), media_type=BYTES)

    async def attribute(self, request: Request) -> Response:
        """Return the direction of an attribute."""
        model, name = await self._model(request), request.path_params["name"]
        found = await model.compute(lambda explored: attribute_direction(explored, name))
        return Response(bytes_of(found), media_type=BYTES)

    async def primitive(self, request: Request) -> Response:
        """Compute one of the model's primitives."""
        answer = PRIMITIVES.get(request.path_params["primitive"])
        if answer is None:
            raise NotThere("there is no such primitive")
        asked = Asked(dict(request.query_params), await request.body())
        turn = Turn(asked.query["view"], asked.whole("turn", 0)) if "view" in asked.query else None
        model = await self._model(request)
        found = await model.compute(lambda explored: answer(explored, asked), turn)
        if not isinstance(found, torch.Tensor):
            return JSONResponse({"texts": found})
        shape = ",".join(map(str, found.shape[1:]))
        return Response(bytes_of(found), media_type=BYTES, headers={"X-Shape": shape})

    def _cards(self) -> list[dict[str, Any]]:
        return [card_of(entry) for entry in sorted(self._entries.all(), key=lambda entry: entry.date, reverse=True)]

    def _entry(self, request: Request) -> Entry:
        return self._entries.find(request.path_params["key"])

    async def _model(self, request: Request) -> OpenModel:
        return await self._models.get(self._entry(request))


def _refused(status: int) -> Any:
    async def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": in_one_line(error)}, status)

    return answer


async def _dropped(request: Request, error: Exception) -> Response:
    return JSONResponse({"dropped": True}, 409)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
