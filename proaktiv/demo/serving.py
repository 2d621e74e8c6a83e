"""Serve one part of the city from the plan that the run wrote for it."""

import base64
import json
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from proaktiv.demo.behoerde import Arrivals, Clerks, make_behoerde
from proaktiv.demo.keys import signing_key
from proaktiv.demo.mailbox import Mailbox
from proaktiv.demo.nutzerkonto import KID, Nutzerkonto, Registered, make_nutzerkonto
from proaktiv.demo.post import make_post
from proaktiv.demo.register import Registers, Reporter, make_register
from proaktiv.demo.talking import CityError

PARTS = ("register", "behoerde", "mailbox", "konto")


def make_part(part: str, folder: Path) -> FastAPI:
    """Return the application of a part. Raises ``CityError`` for another part or no plan."""
    if part not in PARTS:
        raise CityError(f"--part {part}: there are {', '.join(PARTS)}")
    path = folder / f"{part}.json"
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise CityError(f"{path} is missing: proaktiv demo writes it and starts this part itself") from None
    if part == "register":
        reporters = {
            client["source"]: Reporter(client["id"], _raw(client["seed"]), plan["intake"], plan["audience"])
            for client in plan["clients"]
        }
        return make_register(Registers(plan["residents"], plan["as_of"]), reporters)
    if part == "mailbox":
        return make_post(Mailbox(), Path(plan["letters"]), plan["smtp"], plan["citizen"])
    if part == "konto":
        client = Registered(plan["client"], plan["secret"], plan["redirect"])
        return make_nutzerkonto(
            Nutzerkonto(plan["issuer"], plan["people"], client, signing_key(_raw(plan["seed"]), KID), time.time)
        )
    keys = {behoerde["id"]: signing_key(_raw(behoerde["seed"]), behoerde["id"]) for behoerde in plan["behoerden"]}
    arrivals = Arrivals()
    return make_behoerde(arrivals, Clerks(arrivals, keys, plan["intake"]), frozenset(keys))


def serve_part(part: str, port: int, folder: Path) -> None:
    """Serve a part on the loopback address until SIGTERM."""
    uvicorn.run(make_part(part, folder), host="127.0.0.1", port=port, access_log=False, log_level="warning")


def _raw(text: str) -> bytes:
    return base64.b64decode(text)
