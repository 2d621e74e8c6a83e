"""Leave the city standing after its run: say where everything is and what to do there, until somebody ends it.

A visitor gets an invented person who has not enrolled, and every command of the operator by one file of settings.
Left to others: the run (``once``), starting and stopping (``running``).
"""

import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.console import Console
from rich.table import Table

from proaktiv.demo.people import City, Resident
from proaktiv.demo.running import Processes
from proaktiv.demo.setting_up import Installation
from proaktiv.demo.staff import DEPUTY, DSB, HOUSE

LOOK_SECONDS = 1.0
CLERK = "k.standesamt"

_PLACES = {
    "citizen": ("Die Seite der Bürgerinnen und Bürger", "The citizens' page"),
    "intake": ("Der Eingang der Register und Behörden", "Where registers and Behörden report"),
    "office": ("Das Büro: Sachbearbeitung und Datenschutz", "The office: clerks and data protection"),
    "register": ("Die erfundenen Register", "The simulated registers"),
    "behoerde": ("Die erfundenen Behörden: was ankam", "The simulated Behörden: what arrived"),
    "konto": ("Ein nachgestelltes Nutzerkonto", "A double of a Nutzerkonto"),
    "mailbox": ("Der Briefkasten: E-Mails und Briefe", "The mailbox: e-mails and letters"),
}
_PATHS = {
    "citizen": ("/",),
    "intake": ("/health", "/openapi.json"),
    "behoerde": ("/bericht",),
    "mailbox": ("/", "/letters"),
}


def addresses(installation: Installation) -> dict[str, tuple[str, ...]]:
    """Return what can be opened with a browser, by part."""
    return {
        part: tuple(f"{installation.url(part)}{path}" for path in _PATHS.get(part, ("/health",))) for part in _PLACES
    }


def stay(city: City, installation: Installation, processes: Processes) -> None:
    """Print where everything is and return when Ctrl-C or SIGTERM comes. Raises ``ProcessDied`` if a process ends."""
    settings = write_settings(installation)
    processes.start("erase", "work", "--erase")  # the run erases nobody; who is here now may want to
    with _signals() as told:
        _show(city, installation, settings)
        while True:
            try:
                told.get(timeout=LOOK_SECONDS)
            except Empty:
                processes.check()
                continue
            Console(stderr=True).print("Die Stadt wird abgebaut … / Taking the city down …")
            return


def write_settings(installation: Installation) -> Path:
    """Write every setting of the installation and the way to ``proaktiv`` for a shell; return where.

    The file is readable by its owner alone.
    """
    path = installation.folder / "operator.env"
    path.touch(mode=0o600)
    settings = {
        **installation.settings,
        "OWNER_URL": installation.owner_url,
        "READER_URL": installation.reader_url,
        "LOG_VKEY": installation.vkey,
    }
    lines = [f"export PROAKTIV_{name}={shlex.quote(value)}\n" for name, value in sorted(settings.items())]
    # Whoever reads this file has the command, too: it stands beside the interpreter that runs the city.
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
    path.write_text("".join(lines), encoding="utf-8")
    return path


@contextmanager
def _signals() -> Iterator[SimpleQueue[int]]:
    """Yield a queue of the signals that end the stay. Afterwards a second one does not disturb the tidying."""
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.put(number))
    try:
        yield told
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _show(city: City, installation: Installation, settings: Path) -> None:
    # To stderr, as progress goes: what stands on stdout is the result alone.
    console = Console(highlight=False, stderr=True, soft_wrap=True)
    table = Table("Wo / where", "Adresse / address", title="Die Stadt steht noch / The city is still there")
    for part, urls in addresses(installation).items():
        german, english = _PLACES[part]
        table.add_row(f"{german}\n{english}", "\n".join(urls))
    console.print(table)
    links = installation.links((HOUSE, CLERK, DSB, DEPUTY))
    for line in (
        *visit_in_english(visitor_of(city), installation.url("citizen"), installation.url("mailbox")),
        "Work at the office (each link holds once, for an hour; anew: proaktiv staff link):",
        *(f"  {name}: {links[name]}" for name in (HOUSE, CLERK)),
        "Look as an operator:",
        f"  . {shlex.quote(str(settings))}     (then the shell knows proaktiv)",
        f"  proaktiv doctor --state {shlex.quote(str(installation.folder / 'signer'))}",
        "  proaktiv log status;  proaktiv log verify",
        "",
        *visit(visitor_of(city), installation.url("citizen"), installation.url("mailbox")),
        "",
        *overseen(links, settings),
        "",
        "Beenden mit Strg-C / end with Ctrl-C",
    ):
        console.out(line)


def visit(visitor: Resident, citizen: str, mailbox: str) -> list[str]:
    """Return a visitor's way from the wish to the code, step by step, in German."""
    address, day = visitor.anschrift, visitor.geburtsdatum
    return [
        "Anmelden wie ein Bürger (erfunden):",
        f"  1. {citizen}/anmelden",
        f"     Vornamen: {visitor.vornamen}   Familienname: {visitor.familienname}",
        f"     Geburtsdatum: {day.day} {day.month} {day.year}",
        f"     Anschrift: {address.strasse}, {address.plz} {address.ort}",
        f"  2. {mailbox}/letters – der oberste Brief; er ist gleich da",
        f"  3. {citizen}/b – Code und Geburtsdatum eingeben",
        f"  4. {citizen}/einwilligungen/entscheiden – einwilligen",
        f"  5. {citizen}/konto – das Nutzerkonto verbinden; dort: {visitor.name}",
        f"     danach: {citizen}/meine-daten – wer hat meine Daten gesehen?",
        f"  6. {citizen}/kanaele – eine E-Mail-Adresse angeben (name@example.org)",
        f"     {mailbox}/ – der Code ist gleich da; dort eingeben",
    ]


def visit_in_english(visitor: Resident, citizen: str, mailbox: str) -> list[str]:
    """Return the same in English."""
    address, day = visitor.anschrift, visitor.geburtsdatum
    return [
        "Enrol as a citizen (invented):",
        f"  1. {citizen}/anmelden",
        f"     first names: {visitor.vornamen}   surname: {visitor.familienname}",
        f"     date of birth: {day.day} {day.month} {day.year}",
        f"     address: {address.strasse}, {address.plz} {address.ort}",
        f"  2. {mailbox}/letters – the letter at the top; it comes at once",
        f"  3. {citizen}/b – enter code and date of birth",
        f"  4. {citizen}/einwilligungen/entscheiden – consent",
        f"  5. {citizen}/konto – connect the account; there: {visitor.name}",
        f"     then: {citizen}/meine-daten – who has seen my data?",
        f"  6. {citizen}/kanaele – give an e-mail address (name@example.org)",
        f"     {mailbox}/ – the code comes at once; enter it on that page",
    ]


def overseen(links: Mapping[str, str], settings: Path) -> list[str]:
    """Return what a DSB needs to practise with docs/dsb.md, in German."""
    return [
        "Für Datenschutzbeauftragte (docs/dsb.md, Abschnitt „Üben“):",
        f"  Sie (d.schutz):                  {links[DSB]}",
        f"  Ihre Vertretung (d.vertretung):  {links[DEPUTY]}",
        f"  Behörde ({CLERK}):         {links[CLERK]}",
        "  Jeder Link gilt einmal, eine Stunde, in einem eigenen Fenster. Ein neuer: proaktiv staff link d.schutz",
        "  Prüfprogramme, policy.txt und Zettel, in einem zweiten Terminal:",
        f"    . {shlex.quote(str(settings))}",
        "    proaktiv log verifier ~/pruefen",
    ]


def visitor_of(city: City) -> Resident:
    """Return an inhabitant who has not enrolled and whom the register knows."""
    return next((citizen.resident for citizen in city.citizens if not citizen.enrols), city.residents[0])
