"""The office's surface: pages of clerks and of the DSB, and under ``/dsb`` the DSB's acts for programs.

Holds KEK-view, KEK-flow and KEK-proof (data-path.md § 2).
"""

from fastapi import Depends, FastAPI

from proaktiv.acts.oversight import OversightActs
from proaktiv.web import openapi, problems
from proaktiv.web.dsb import make_dsb
from proaktiv.web.limits import BodyLimit
from proaktiv.web.pages import failures
from proaktiv.web.pages.site import add_static
from proaktiv.web.pages.view import Look
from proaktiv.web.security import SameOriginOnly, SecurityHeaders
from proaktiv.web.staff import clerk, dsb, entry, erasures, exports, holds, person
from proaktiv.web.staff.failures import TOLD
from proaktiv.web.staff.visitor import WayIn, staff_door, with_its_day


def make_office(pipeline: OversightActs, look: Look, way_in: WayIn, *, secure_cookies: bool) -> FastAPI:
    """Return the office's surface. ``secure_cookies`` is off on loopback alone."""
    app = FastAPI(title="proaktiv office", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.pipeline = pipeline
    app.state.look = look
    app.state.way_in = way_in
    app.state.door = staff_door(secure=secure_cookies)
    failures.install(app, TOLD, "office/failure.html")
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOriginOnly)  # before a body is read
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)
    add_static(app)

    @app.get("/health", responses=openapi.AROUND)
    def health() -> dict[str, str]:
        """Say whether this surface can work."""
        pipeline.healthy()
        return {"status": "ok"}

    for part in (entry, clerk, dsb, person, erasures, holds, exports):
        app.include_router(part.router, dependencies=[Depends(with_its_day)])
    app.mount("/dsb", make_dsb(pipeline, secure_cookies=secure_cookies))
    return app
