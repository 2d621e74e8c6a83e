"""The citizen's whole site: pages, static files, and under ``/api`` the same acts for programs."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from proaktiv.acts.citizen import CitizenActs
from proaktiv.core.errors import NotFound
from proaktiv.web import problems, published
from proaktiv.web.citizen import make_citizen
from proaktiv.web.limits import BodyLimit
from proaktiv.web.pages import account, channels, consents, entry, failures, matters, messages, timeline
from proaktiv.web.pages.view import Look, static_files
from proaktiv.web.pages.visitor import AccountWay, citizens_door
from proaktiv.web.security import SameOriginOnly, SecurityHeaders

FOR_EVER = "public, max-age=31536000, immutable"


def make_site(
    pipeline: CitizenActs, look: Look, *, secure_cookies: bool, account_way: AccountWay | None = None
) -> FastAPI:
    """Return the site. ``secure_cookies`` is off on loopback alone; without ``account_way`` nobody has an account."""
    app = FastAPI(title="proaktiv", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.pipeline = pipeline
    app.state.look = look
    app.state.account_way = account_way or AccountWay()
    app.state.door = citizens_door(secure=secure_cookies)
    failures.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOriginOnly)  # before a body is read
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)
    add_static(app)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say whether this surface can work."""
        pipeline.healthy()
        return {"status": "ok"}

    app.include_router(published.router)
    for part in (entry, matters, consents, channels, messages, timeline, account):
        app.include_router(part.router)
    app.mount("/api", make_citizen(pipeline, secure_cookies=secure_cookies))
    return app


def add_static(app: FastAPI) -> None:
    """Serve the files of ``static`` under names that change with them."""
    known = static_files()

    @app.get("/static/{digest}/{name}")
    def static(digest: str, name: str, request: Request) -> Response:
        """Return one file, to be kept for ever."""
        path = known.get(f"/static/{digest}/{name}")
        if path is None:
            raise NotFound(request.url.path)
        return FileResponse(path, headers={"Cache-Control": FOR_EVER})
