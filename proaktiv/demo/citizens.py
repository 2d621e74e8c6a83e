"""Citizens as robots: they enrol, read their letters, prove themselves with code and birth date, look, and decide.

They see what a citizen sees: the letters in the folder and the citizen surface, over HTTP. Left to others: who they
are (``families``), when they act (``once``).
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from proaktiv.core.plans import TOLD
from proaktiv.demo.people import Citizen, Conduct, Resident, Stance
from proaktiv.demo.talking import CityError, Talk

_CODE = re.compile(r"^Ihr Code: ([0-9A-Z-]+)$", re.MULTILINE)
_WITHOUT_CODE = ("Ein Nutzerkonto wurde mit Ihnen verbunden", "Eine E-Mail-Adresse wurde für Sie angegeben")
_WRONG_BIRTH_DATE = "1901-01-01"


class Deed(StrEnum):
    """What a citizen did, as the house must know it too."""

    YES = "yes"
    NO = "no"
    LATER = "later"
    CONSENTS_WITHDRAWN = "consents_withdrawn"
    AUFTRAG_WITHDRAWN = "auftrag_withdrawn"
    NO_LONGER_OPEN = "no_longer_open"
    RECEIPT_SEEN = "receipt_seen"
    ACCOUNT_BOUND = "account_bound"
    MAIL_CONFIRMED = "mail_confirmed"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter from the folder: whom it is addressed to, and the code in it."""

    wire_id: str
    name: str
    code: str


@dataclass(slots=True)
class Letterbox:
    """The folder that letters fall into. Opened letters are remembered; usable from several threads."""

    folder: Path
    _letters: dict[str, Letter] = field(default_factory=dict)
    _opened: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> int:
        """Return how many letters ever fell in."""
        return len(list(self.folder.glob("*.txt")))

    def printed(self) -> int:
        """Return how many of them a printer has whole: a PDF and its ticket."""
        return sum(path.with_suffix(".pdf").exists() for path in self.folder.glob("*.json"))

    def take(self, resident: Resident) -> list[Letter]:
        """Return the letters to this person that nobody opened yet, oldest first. Raises ``CityError``."""
        with self._lock:
            self._sort_in()
            mine = [
                letter
                for letter in self._letters.values()
                if letter.name == resident.name and letter.wire_id not in self._opened
            ]
            self._opened.update(letter.wire_id for letter in mine)
        return sorted(mine, key=lambda letter: letter.wire_id)  # wire ids are time-ordered

    def unopened(self) -> list[Letter]:
        """Return the letters that nobody took."""
        with self._lock:
            self._sort_in()
            return [letter for letter in self._letters.values() if letter.wire_id not in self._opened]

    def _sort_in(self) -> None:
        for path in self.folder.glob("*.txt"):
            if path.stem in self._letters:
                continue
            body = path.read_text(encoding="utf-8")
            if any(words in " ".join(body.split()) for words in _WITHOUT_CODE):
                self._letters[path.stem] = Letter(path.stem, body.partition("\n")[0], "")
                self._opened.add(path.stem)  # read and put aside: there is nothing to type
                continue
            code = _CODE.search(body)
            if code is None:
                raise CityError(f"letter {path.stem} carries no code")
            self._letters[path.stem] = Letter(path.stem, body.partition("\n")[0], code[1])


@dataclass(slots=True)
class Robot:
    """One citizen before a browser. ``door`` opens a fresh conversation with the citizen surface."""

    citizen: Citizen
    door: Callable[[], Talk]
    letter: Letter | None = None
    deeds: Counter[Deed] = field(default_factory=Counter)
    _session: tuple[Mapping[str, str], dict[str, str]] | None = None

    def enrol(self) -> None:
        """Ask to be known."""
        ask_to_be_known(self.citizen.resident, self.door)

    def activate(self, letter: Letter, *, with_a_slip: bool = False) -> None:
        """Finish enrolling: give what belongs to the own Lebenslage and refuse the rest, or refuse everything."""
        with self.door() as talk:
            if with_a_slip:
                self._slip(talk, letter)
            token = self._prove(talk, letter, "activation")
            shown = talk.get("/einwilligungen")["activities"]
            talk.post(
                "/einwilligungen",
                {
                    "decisions": [
                        {
                            "activity": activity["name"],
                            "decision": "give" if self._gives(activity["name"]) else "refuse",
                            "notice": activity["notice"],
                        }
                        for activity in shown
                    ]
                },
                token,
            )
            if self.citizen.mail:
                notice = talk.get("/kanaele")["notice"]
                talk.post("/kanaele/mail", {"address": self.citizen.mail, "notice": notice}, token)
                self._session = talk.kept(), token

    def confirm_mail(self, code: str) -> None:
        """Type the code that came by mail, in the session in which the address was given. Raises ``CityError``."""
        if self._session is None:
            raise CityError("a code came by mail to somebody who gave no address")
        kept, token = self._session
        with self.door() as talk:
            talk.go_on(kept)
            if not talk.post("/kanaele/mail/bestaetigen", {"code": code}, token)["confirmed"]:
                raise CityError("the code of a mail confirmed nothing")
        self.deeds[Deed.MAIL_CONFIRMED] += 1

    def decide(self, letter: Letter) -> None:
        """Read the letter about a matter and do as this citizen does."""
        self.letter = letter
        conduct = self.citizen.conduct
        if conduct is Conduct.STAYS_SILENT:
            return
        with self.door() as talk:
            token = self._prove(talk, letter, "bundle")
            offered = [
                proposal
                for bundle in talk.get("/uebersicht")["bundles"]
                for proposal in bundle["proposals"]
                if proposal["state"] in {"open", "later"} and proposal.get("outcome") not in TOLD
            ]
            if conduct is Conduct.COMES_TOO_LATE and not offered:
                self.deeds[Deed.NO_LONGER_OPEN] += 1
            if conduct is Conduct.WITHDRAWS:
                talk.post("/einwilligungen/widerruf", {"lebenslage": self.citizen.lebenslage}, token)
                self.deeds[Deed.CONSENTS_WITHDRAWN] += 1
                return
            for place, proposal in enumerate(offered):
                self._answer(talk, token, proposal["id"], first=place == 0)

    def look_again(self) -> None:
        """Come back later and see where the Aufträge stand."""
        if self.letter is None or not self.deeds[Deed.YES]:
            return
        with self.door() as talk:
            self._prove(talk, self.letter, "bundle")
            for bundle in talk.get("/uebersicht")["bundles"]:
                for auftrag in bundle["auftraege"]:
                    state = talk.get(f"/auftrag/{auftrag['id']}")["state"]
                    self.deeds[Deed.RECEIPT_SEEN] += state in {"acknowledged", "question", "decided", "rejected"}

    def _gives(self, activity: str) -> bool:
        if activity.endswith("/propose/MAIL") and not self.citizen.mail:
            return False
        return self.citizen.stance is Stance.CONSENTS and activity.startswith(f"{self.citizen.lebenslage}/")

    def _answer(self, talk: Talk, token: dict[str, str], proposal: str, *, first: bool) -> None:
        conduct = self.citizen.conduct
        if conduct is Conduct.POSTPONES:
            self._act(talk, token, f"/vorschlag/{proposal}/spaeter", {}, Deed.LATER)
        elif conduct is Conduct.DECLINES or (conduct is Conduct.PICKS and not first):
            self._act(talk, token, f"/vorschlag/{proposal}/nein", {}, Deed.NO)
        else:
            shown = talk.get(f"/vorschlag/{proposal}")["shown"]
            done = self._act(talk, token, f"/vorschlag/{proposal}/ja", {"shown": shown}, Deed.YES)
            if conduct is Conduct.REPENTS and done:
                self._act(talk, token, f"/auftrag/{done['auftrag']}/widerruf", {}, Deed.AUFTRAG_WITHDRAWN)

    def _act(self, talk: Talk, token: dict[str, str], path: str, body: dict[str, Any], deed: Deed) -> Any:
        """Do one thing; a 409 says that somebody else was faster, which a citizen may meet."""
        response = talk.request("POST", path, json=body, headers=token)
        if response.status_code == 409:
            self.deeds[Deed.NO_LONGER_OPEN] += 1
            return None
        if response.status_code != 200:
            raise CityError(f"POST {path}: {response.status_code}")
        self.deeds[deed] += 1
        return response.json()

    def _prove(self, talk: Talk, letter: Letter, purpose: str) -> dict[str, str]:
        """Open a session and return the header that every change needs. Raises ``CityError``."""
        born_on = self.citizen.resident.geburtsdatum.isoformat()
        session = talk.post("/sitzung", {"code": letter.code, "geburtsdatum": born_on})
        if session["purpose"] != purpose:
            raise CityError(f"letter {letter.wire_id} opened {session['purpose']}, not {purpose}")
        return {"X-CSRF": session["csrf"]}

    @staticmethod
    def _slip(talk: Talk, letter: Letter) -> None:
        """Type a wrong birth date once, which must open nothing."""
        response = talk.request("POST", "/sitzung", json={"code": letter.code, "geburtsdatum": _WRONG_BIRTH_DATE})
        if response.status_code != 401:
            raise CityError(f"a code with a wrong birth date was answered {response.status_code}")


def ask_to_be_known(resident: Resident, door: Callable[[], Talk]) -> None:
    """Type name, birth date and address at ``/anmelden``."""
    with door() as talk:
        talk.post("/anmelden", resident.wish())
