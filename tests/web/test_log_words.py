"""Every code that the house writes into its log has a word: the code is read, and whatever it writes is looked up."""

import ast
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from pathlib import Path

import pytest

import proaktiv
from consent.model import Reason as Refused
from proaktiv.core.events import EventKind
from proaktiv.core.flows import DENIED, Kind
from proaktiv.core.guards import Guard
from proaktiv.core.outbound import End
from proaktiv.core.retention import RULES
from proaktiv.core.states import DeliveryState
from proaktiv.core.tasks import TASKS, How
from proaktiv.keys.erasing import Reason as Ground
from proaktiv.rulebook.folder import rules_folder
from proaktiv.web.pages import log_words, states
from proaktiv.web.pages.language import catalogue
from proaktiv.web.pages.log_actions import ACTIONS

ROOT = Path(proaktiv.__file__).parent
CODE = re.compile(r"[a-z_]+\.[a-z_]+")
OTHERS = re.compile(
    r".*\.(?:py|mjs|json|jsonl|tsr|ini|txt)|(?:proaktiv|apscheduler)\..*|.*\.(?:before|during|after|taken)"
)
"""Files, settings, probes: they look like the name of an act and are none."""
NO_CODES = {
    *("rotate.begun", "rotate.read", "rotate.written", "rotate.committed"),  # probes
    *("destroy.locked", "destroy.rows", "destroy.log", "destroy.keys", "destroy.listed", "destroy.committed"),
    *("outward.resumed", "outward.stopped", "log.late"),  # the process's own log
    *("kind.kennung", "elternteil.kennung", "elternteil.sorge", "person.kennung", "kontakt.mail"),  # facts
    *("lebenslage.name",),
}
NOT_ACTIONS = {"*.py", "*.mjs", "*.new", "*.name"}
"""Patterns of names that are none of an act."""
PUT_TOGETHER: Mapping[str, Iterable[str]] = {
    "consent.*": ("given", "refused", "objected", "withdrawn"),
    "erasure.*": ("granted", "denied"),
    "hold.*": ("placed", "released"),
    "log_hold.*": ("placed", "released"),
    "person.*": ("granted", "denied"),
    "source.*": ("released", "rejected"),
    "*.*": ("hold.granted", "hold.denied", "release.granted", "release.denied"),
    "*.written": ("letter", "mail"),
    "*.not_written": ("letter", "mail"),
    "*.handed_over": ("letter", "mail"),
    "*.not_handed_over": ("letter", "mail"),
}
"""Names of acts that are put together, and what from."""

OPEN = None
"""What a rule, a table or somebody says: no code of the house."""
WRITTEN: Mapping[str, Mapping[str, Iterable[str | Enum] | None]] = {
    "outcome": {
        "'again' if again else ''": ("again",),
        "'left' if remaining else 'ended'": ("left", "ended"),
        "'not_found' if granted.person is None else 'found'": ("not_found", "found"),
        "'schutz' if secret else refusal.told.value": ("schutz", *Refused),
        "'schutz' if secret else told": ("schutz", *Refused),
        "FINISHED if finished else MORE": ("finished", "more"),
        "Reason.NO_DISCLOSURE.value": (Refused.NO_DISCLOSURE,),
        "action.rpartition('.')[2]": OPEN,  # of acts: below
        "ended.end.value": End,
        "f'days {days}'": ("days 7",),
        "ground": Ground,
        "how.value": How,
        "message.status": ("acknowledged", "question", "decided", "rejected"),
        "outcome": ("placed", "released", "rejected", "given", "refused", "withdrawn", "objected"),
        "str(Vkey.parse(vkey))": OPEN,
        "to.value": DeliveryState,
        "what": ("event.house_refused", "event.broken"),
        "why": ("taken", "not_fitting", "too_low"),
    },
    "purpose": {
        "'schutz' if guarded else event.kind.value": ("schutz", *EventKind),
        "'schutz' if secret else refusal.activity.partition('/')[0]": ("schutz",),  # Lebenslagen: below
        "ERASING": ("loeschung",),
        "OVERSIGHT": ("datenschutzaufsicht",),
        "PURPOSE": ("protokoll",),
        "_PURPOSE": ("aufbewahrung", "protokollschluessel"),
        "action.partition('.')[0]": OPEN,  # of acts: below
        "event.kind": EventKind,
        "rule.purpose": {rule.purpose for rule in RULES},
        **dict.fromkeys(("lebenslage", "activity.purpose if activity else order.lebenslage"), OPEN),
        **dict.fromkeys(
            ("activity.purpose", "item.match.purpose", "permit.purpose", "row.purpose", "sent.purpose"), OPEN
        ),
    },
    "basis": {
        "'schutz' if guarded else 'einwilligung'": ("schutz", "einwilligung"),
        "'schutz' if secret else 'einwilligung'": ("schutz", "einwilligung"),
        "activity.norm if activity else 'act of the person'": ("act of the person",),
        **dict.fromkeys(("OVERSIGHT_BASIS", "_BASIS", "rule.source", "basis"), OPEN),  # citations: see test_citations
        **dict.fromkeys(("activity.norm", "item.match.norm", "permit.norm", "row.basis", "sent.basis"), OPEN),
    },
}
SENTENCES = re.compile(r".* .*")
MAKERS = {"Flow", "replace", "overseen", "key_event", "_note", "authorised", "_refused"}
SPOKEN = {"debug", "info", "warning", "error", "exception", "probe"}


@cache
def trees() -> tuple[ast.Module, ...]:
    """The modules that write entries, or name what entries say."""
    layers = [path for layer in ("steps", "flowlog", "keys", "acts") for path in (ROOT / layer).rglob("*.py")]
    core = [ROOT / "core" / f"{name}.py" for name in ("outbound", "flows", "events")]
    return tuple(ast.parse(path.read_text("utf-8")) for path in (*ROOT.glob("*.py"), *layers, *core))


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def calls() -> list[ast.Call]:
    return [node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call)]


def names_and_patterns() -> tuple[set[str], set[str]]:
    """What looks like the name of an act, whole or put together; not what goes to the process's own log."""
    spoken = {id(each) for node in calls() if called(node) in SPOKEN for arg in node.args for each in ast.walk(arg)}
    nodes = [node for tree in trees() for node in ast.walk(tree) if id(node) not in spoken]
    whole = {str(node.value) for node in nodes if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value))}
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    patterns = {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values) for node in joined
    }
    return whole, {each for each in patterns if re.fullmatch(r"[a-z_*]+\.[a-z_*]+", each)}


def test_every_act_and_incident_that_the_code_names_has_a_word() -> None:
    whole, patterns = names_and_patterns()
    assert len(whole) > 100, "the look finds them"
    named = {each for each in whole if not OTHERS.fullmatch(each)} - NO_CODES - TASKS.keys()
    assert named - ACTIONS.keys() == set()
    assert patterns - PUT_TOGETHER.keys() == NOT_ACTIONS, "say what it is put together from"
    made = {
        part if "." in part else pattern.replace("*", part) for pattern, parts in PUT_TOGETHER.items() for part in parts
    }
    assert made - ACTIONS.keys() == set()
    assert ACTIONS.keys() - whole - made == set(), "a word for what nothing is called"
    assert set(DENIED) <= ACTIONS.keys()


def coded(values: Iterable[str | Enum]) -> set[str]:
    return {str(value.value) if isinstance(value, Enum) else value for value in values}


@pytest.mark.parametrize("column", WRITTEN)
def test_every_result_purpose_and_basis_that_the_code_writes_has_a_word(column: str) -> None:
    written = {
        ast.unparse(word.value): word.value
        for node in calls()
        if called(node) in MAKERS
        for word in node.keywords
        if word.arg == column
    }
    codes: set[str] = set()
    for source, value in written.items():
        if isinstance(value, ast.Constant):
            codes.add(str(value.value))
        elif isinstance(value, ast.JoinedStr) and source not in WRITTEN[column]:
            assert source.startswith('f"old {last.origin} signed'), source  # a successor's statement, no code
        else:
            assert source in WRITTEN[column], f"say which codes {source} may be"
            codes |= coded(WRITTEN[column][source] or ())
    assert WRITTEN[column].keys() <= written.keys()
    assert wordless(column, codes) == set()


def wordless(column: str, codes: Iterable[str]) -> set[str]:
    """The codes that a page would show as they are: neither a word, nor a citation, nor a sentence."""
    words = catalogue("de")
    cites = re.compile(r"(?:Art\.|§§?) \d.*")
    unchanged = {code for code in codes if code and log_words.called(column, code, words) == code}
    return {
        code
        for code in unchanged
        if not cites.fullmatch(code) and not (SENTENCES.fullmatch(code) and code[0].isupper())
    }


def test_whatever_a_person_does_has_words_for_what_came_of_it_and_what_it_was_for() -> None:
    acts = {
        str(arg.value)
        for node in calls()
        if called(node) in {"act", "_act", "log_act"}
        for arg in node.args
        if isinstance(arg, ast.Constant) and CODE.fullmatch(str(arg.value))
    }
    assert len(acts) > 10
    own = {act for act in acts if not act.startswith("account.")}  # whose purpose is a sentence
    assert wordless("outcome", {act.rpartition(".")[2] for act in acts if "not_" not in act}) == set()
    assert {act.partition(".")[0] for act in own} - log_words.PURPOSES.keys() == set()


def test_every_kind_reason_guard_and_lebenslage_has_a_word() -> None:
    assert log_words.KINDS.keys() == {kind.label for kind in Kind}
    assert len(set(log_words.KINDS.values())) == len(Kind)
    assert wordless("reason", {*coded(Refused), *coded(Guard), *TASKS}) == set()
    assert log_words.called("reason", "V01 V08", catalogue("de")) == "Totgeburt, Person verstorben"
    lebenslagen = {path.parent.name for path in rules_folder().glob("*/lebenslage.yaml")}
    assert lebenslagen
    assert lebenslagen - log_words.PURPOSES.keys() == set()


def test_a_purpose_is_meant_by_one_word_alone() -> None:
    assert len(set(log_words.PURPOSES.values())) == len(log_words.PURPOSES)


def test_a_word_of_a_page_finds_its_code_in_every_language_and_a_code_finds_itself() -> None:
    assert log_words.meant("purpose", "Datenschutzaufsicht") == {"Datenschutzaufsicht", "datenschutzaufsicht"}
    english = log_words.called("outcome", "done", catalogue("en"))
    assert "done" in log_words.meant("outcome", english)
    assert "done" in log_words.meant("outcome", "erledigt"), "of a task"
    assert "Art. 5 (1) e DSGVO" in log_words.meant("basis", "Art. 5 Abs. 1 Buchst. e DSGVO")
    assert log_words.meant("purpose", "geburt") == {"geburt"} | log_words.meant("purpose", "Geburt") - {"Geburt"}


def test_a_result_is_called_by_what_it_is_the_result_of() -> None:
    words = catalogue("de")
    assert log_words.called("outcome", "done", words, "auftrag.handed_over") == "angekommen"
    assert log_words.called("outcome", "done", words, "task.ended") == "erledigt"


def test_what_rules_say_stays_as_they_say_it_and_a_lebenslage_of_others_is_a_word() -> None:
    words = catalogue("de")
    sentence = "Geburtsurkunden für Ihr Kind bestellen"
    assert log_words.called("purpose", sentence, words) == sentence
    assert log_words.called("purpose", "heirat", words) == "Heirat"
    assert log_words.called("receiver", "standesamt-musterstadt", words) == "standesamt-musterstadt"
    with pytest.raises(KeyError):
        log_words.called("nothing", "heirat", words)


def test_control_a_code_without_a_word_is_seen() -> None:
    assert wordless("outcome", {"something_new", "done", "Art. 5 DSGVO"}) == {"something_new"}


def test_the_person_reads_of_everything_that_goes_out_how_it_ended() -> None:
    for noun in ("register", "letter", "mail", "auftrag", "hold"):
        of_it = {action for action in ACTIONS if action.startswith(f"{noun}.")}
        house_own = {"register.answered_unasked", "hold.requested", "hold.granted", "hold.denied", "hold.withdrawn"}
        assert of_it - house_own <= states.SENTENCES.keys(), noun
    for kind in Kind:
        assert states.sentence(("unknown.act", kind.label), catalogue("de")) != "unknown.act"
