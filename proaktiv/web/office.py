"""The office's surface: clerks and the DSB. In this stage only what says that it stands; pages come with issue 4."""

from typing import Protocol

from fastapi import FastAPI

from proaktiv.web import openapi, problems
from proaktiv.web.limits import BodyLimit
from proaktiv.web.security import SameOriginOnly, SecurityHeaders


class OfficePipeline(Protocol):
    """What this surface asks of the pipeline."""

    def healthy(self) -> None:
        """Raise where the database cannot be reached."""
        ...


def make_office(pipeline: OfficePipeline) -> FastAPI:
    """Return the office's surface."""
    app = FastAPI(title="proaktiv office", version="1", docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOriginOnly)  # before a body is read
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)

    @app.get("/health", responses=openapi.AROUND)
    def health() -> dict[str, str]:
        """Say whether this surface can work."""
        pipeline.healthy()
        return {"status": "ok"}

    return app
