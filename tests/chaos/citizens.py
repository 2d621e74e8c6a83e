"""What citizens do when somebody dies: every act of theirs, see ``scenarios``."""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from proaktiv.demo.citizens import Deed
from proaktiv.steps.consents import Choice
from tests.builders import a_move, somebody
from tests.chaos.life import ASKED, BY_BOTH, SHARED, Cast, wish, with_account
from tests.chaos.scenarios import Plan, Scenario, answered, into, silent, worker
from tests.world import World, code_in

CITIZENS: list[Scenario] = []
TAKEN_BACK = frozenset({"auftraege = confirmed proposals", "withdrawn Aufträge = the citizens' withdrawals"})
"""The demonstration's citizens never take a yes back; its proposal is open again."""
TOLD_TO_BOTH = frozenset({"dispatched = hand-overs in the log"})
"""The log tells a hand-over to everybody who signed."""


act = partial(into, CITIZENS)


# to be known ----------------------------------------------------------------------------------------------------------


@act("enrol", "a stranger", "people")
def _(world: World, _cast: Cast, _size: int) -> Plan:
    emil = somebody("Emil", geburtsdatum="1990-01-01")
    world.melderegister.knows(emil)
    return Plan([lambda w: w.pipeline.enrol(wish(emil))], anew=True)


@act("prove", "by a letter's code", "decided")
def _(world: World, cast: Cast, size: int) -> Plan:
    world.tick()
    known = [
        (code_in(world.letters_to(mother)[-1]), date.fromisoformat(mother.geburtsdatum))
        for mother in cast.mothers[:size]
    ]

    def prove(world: World, code: str, born: date) -> object:
        return world.pipeline.prove(code, born).proof.person

    return Plan([lambda w, k=k: prove(w, *k) for k in known], anew=True)  # whoever comes in again comes in again


# consents -------------------------------------------------------------------------------------------------------------


def choosing(way: str, *, gives: bool) -> None:
    @act("consents", way, "people")
    def _(world: World, cast: Cast, _size: int) -> Plan:
        proof = cast.kept["dora"]
        choices = [Choice(each["name"], gives, each["notice"]) for each in world.pipeline.consents(proof)["activities"]]
        return Plan([answered(lambda w: w.pipeline.choose(proof, choices))], anew=True)


choosing("gives all", gives=True)
choosing("refuses all", gives=False)


@act("consents", "withdraws a Lebenslage", "told")
def _(_world: World, cast: Cast, size: int) -> Plan:
    return Plan(
        [silent(lambda w, p=p: w.pipeline.withdraw(p, lebenslage="geburt", activity="")) for p in cast.proofs],
        deeds={Deed.CONSENTS_WITHDRAWN: size},
    )


@act("consents", "withdraws one activity", "told")
def _(_world: World, cast: Cast, size: int) -> Plan:
    return Plan(
        [silent(lambda w, p=p: w.pipeline.withdraw(p, lebenslage="", activity="geburt/match")) for p in cast.proofs],
        deeds={Deed.CONSENTS_WITHDRAWN: size},
    )


@act("consents", "withdraws an Auftrag", "confirmed")
def _(_world: World, cast: Cast, size: int) -> Plan:
    known = list(zip(cast.proofs, cast.auftraege, strict=True))
    return Plan([lambda w, k=k: w.pipeline.withdraw_auftrag(*k) for k in known], deeds={Deed.AUFTRAG_WITHDRAWN: size})


@act("consents", "withdraws an Auftrag that left", "sent")
def _(_world: World, cast: Cast, size: int) -> Plan:
    known = list(zip(cast.proofs, cast.auftraege, strict=True))
    return Plan([lambda w, k=k: w.pipeline.withdraw_auftrag(*k) for k in known], deeds={Deed.AUFTRAG_WITHDRAWN: size})


# decisions ------------------------------------------------------------------------------------------------------------


def seen(world: World, cast: Cast) -> list[tuple[Any, UUID, bytes]]:
    """Each mother, the proposal that all of them have, and what was shown."""
    found = []
    for proof in cast.proofs:
        shown = world.proposals(proof)[SHARED]
        found.append((proof, UUID(shown["id"]), bytes.fromhex(shown["shown"])))
    return found


@act("confirm", "yes", "told")
def _(world: World, cast: Cast, size: int) -> Plan:
    return Plan([lambda w, s=s: w.pipeline.confirm(*s).reference for s in seen(world, cast)], deeds={Deed.YES: size})


@act("decline", "no", "told")
def _(world: World, cast: Cast, size: int) -> Plan:
    return Plan([lambda w, s=s: w.pipeline.decline(*s[:2]) for s in seen(world, cast)], deeds={Deed.NO: size})


@act("postpone", "later", "told")
def _(world: World, cast: Cast, _size: int) -> Plan:
    proof, proposal, _ = seen(world, cast)[0]
    return Plan([lambda w: w.pipeline.postpone(proof, proposal)], anew=True)


@act("undo", "a yes", "confirmed")
def _(_world: World, cast: Cast, _size: int) -> Plan:
    known = list(zip(cast.proofs, cast.auftraege, strict=True))
    return Plan([lambda w, k=k: w.pipeline.undo(*k) for k in known], exempt=TAKEN_BACK)


def both(world: World, cast: Cast) -> tuple[Any, UUID, Any]:
    """Two parents, of whom one has said yes to what needs both. Returns her, the Auftrag, him."""
    world.announce(cast.births[2])
    world.tick()
    hers, his = (with_account(world.opens_letter(person)) for person in (cast.mothers[2], cast.ben))
    return hers, world.says_yes(hers, BY_BOTH), his


@act("sign", "the second signature", "people")
def _(world: World, cast: Cast, _size: int) -> Plan:
    _, auftrag, his = both(world, cast)
    shown = bytes.fromhex(world.pipeline.to_sign(his, auftrag)["shown"])
    return Plan([lambda w: w.pipeline.sign(his, auftrag, shown)], exempt=TOLD_TO_BOTH)


@act("refuse_signature", "no second signature", "people")
def _(world: World, cast: Cast, _size: int) -> Plan:
    _, auftrag, his = both(world, cast)
    return Plan([lambda w: w.pipeline.refuse_signature(his, auftrag)])


@act("undo", "while the signature is missing", "people")
def _(world: World, cast: Cast, _size: int) -> Plan:
    hers, auftrag, _ = both(world, cast)
    return Plan([lambda w: w.pipeline.undo(hers, auftrag)], exempt=TAKEN_BACK)


def alone(way: str, ohne_zweite: str) -> None:
    @act("keep_silence", way, "people")
    def _(world: World, cast: Cast, _size: int) -> Plan:
        _, auftrag, _ = both(world, cast)
        world.tick()
        world.value("UPDATE auftraege SET ohne_zweite = :how WHERE id = :id RETURNING 1", how=ohne_zweite, id=auftrag)
        world.now = world.value("SELECT due_at FROM auftraege WHERE id = :id", id=auftrag)
        return Plan([worker("keep_silence")])


alone("goes on alone", "einreichen_und_nachreichen")
alone("gives the sheet back", "warten")


@act("dispatch", "what two have signed", "people")
def _(world: World, cast: Cast, _size: int) -> Plan:
    _, auftrag, his = both(world, cast)
    shown = bytes.fromhex(world.pipeline.to_sign(his, auftrag)["shown"])
    world.pipeline.sign(his, auftrag, shown)
    return Plan([worker("dispatch")], exempt=TOLD_TO_BOTH)


@act("answer", "what only they know", "people")
def _(world: World, cast: Cast, _size: int) -> Plan:
    world.announce(a_move(cast.ada))
    world.tick()
    proof = world.opens_letter(cast.ada)
    shown = world.proposals(proof)[ASKED]
    known = {"person.wohnt_im_parkgebiet": "ja", "person.hat_stellplatz": "nein"}
    written = {each["name"]: known.get(each["name"], "MM-XX 1") for each in shown["fragen"]}
    return Plan([answered(lambda w: w.pipeline.answer(proof, UUID(shown["id"]), written))], anew=True)
