"""One request to an application inside this process, without a socket."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI


def ask(app: FastAPI, method: str, path: str, **how: Any) -> httpx.Response:
    """The answer, also where the application breaks."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://intake.test") as client:
            return await client.request(method, path, **how)

    return asyncio.run(asked())
