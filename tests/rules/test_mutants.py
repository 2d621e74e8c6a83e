"""Mutants: every way to get a rule wrong by one step, and the case that notices."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung
from proaktiv.core.nodes import Alle, Eine, Nicht, Op, Operand, Vergleich
from proaktiv.core.parameters import Parameter, Parameterwert, Wert
from proaktiv.core.plans import Gilt, Plan
from proaktiv.core.questions import YES_NO, Frage
from proaktiv.rulebook.cases import Case, read_cases, run
from proaktiv.rulebook.catalogue import read_catalogue
from proaktiv.rulebook.check import check
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.mutant_report import MutantReport, living_mutants, report_mutants
from proaktiv.rulebook.mutants import NATURE, Mutant, mutants
from proaktiv.rulebook.survivors import stated_by, try_mutants
from tests.depth import depth
from tests.rules.chance import a_plan
from tests.rules.shipped import COMPILED, PLANS, ROOT, cases_of


def leaf(das: str, op: Op, wert: Operand, codes: tuple[str, ...] = ()) -> Vergleich:
    return Vergleich(das, op, wert, "§ 1 Probe", 3, 7, codes)


HOURS = leaf("zahl.a", Op.MAXIMAL, 32)
LIVES = leaf("ja.a", Op.IST, True)


def named(plan: Plan) -> set[str]:
    return {mutant.what for mutant in mutants(plan)}


@pytest.mark.parametrize("compiled", COMPILED, ids=lambda one: one.name)
def test_the_cases_of_every_rule_there_is_kill_every_mutant(compiled: Compiled) -> None:
    report = report_mutants(ROOT, compiled, cases_of(compiled))
    assert report.problems == ()


def test_every_condition_can_be_left_out_turned_round_and_joined_the_other_way() -> None:
    assert named(a_plan(Alle((LIVES, Nicht(HOURS))))) >= {
        "alle → eine",
        "ja.a ist ja entfällt",
        "nicht (zahl.a maximal 32) entfällt",
        "nicht entfällt",
        "ja.a ist ja → nicht",
    }
    assert "eine → alle" in named(a_plan(Eine((LIVES, HOURS))))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (HOURS, {"maximal 31", "maximal 33", "mindestens", "weniger_als"}),
        (leaf("zahl.a", Op.MEHR_ALS, 3), {"mehr_als 2", "mehr_als 4", "weniger_als", "mindestens"}),
        (leaf("heute", Op.BIS, date(2026, 5, 1)), {"bis 2026-04-30", "bis 2026-05-02", "ab"}),
        (
            leaf("farbe", Op.EINER_VON, ("rot", "gelb"), ("rot", "gelb", "gruen")),
            {"ist rot", "ist gelb", "einer_von [rot, gelb, gruen]"},
        ),
        (leaf("farbe", Op.IST, "rot", ("rot", "gelb")), {"einer_von [rot, gelb]"}),
        (
            leaf("heute", Op.BIS, Rechnung("tag.a", (("lebensmonat", 14),))),
            {
                "bis (lebensmonat 13 von tag.a)",
                "bis (lebensmonat 15 von tag.a)",
                "bis (monate 14 von tag.a)",
                "bis (tage 1 von lebensmonat 14 von tag.a)",
                "bis (rueck_monate 0 von lebensmonat 14 von tag.a)",
            },
        ),
        (leaf("zahl.a", Op.MAXIMAL, Parameterwert("grenze")), {"weniger_als", "mindestens"}),
    ],
)
def test_every_boundary_and_operator_is_moved_by_the_least_step(condition: Vergleich, expected: set[str]) -> None:
    found = {what.partition(" → ")[2] for what in named(a_plan(condition)) if not what.startswith(("gilt", "param"))}
    assert found >= expected


def test_every_value_and_day_of_a_parameter_that_decides_is_changed() -> None:
    werte = (Wert(date(2024, 4, 1), None, "BGBl.", "ja.a", {"ja": 2, "nein": 4}), Wert(date(2025, 4, 1), 3, "BGBl."))
    plan = replace(
        a_plan(leaf("zahl.a", Op.MAXIMAL, Parameterwert("grenze"))),
        parameter={
            "grenze": Parameter("grenze", "zahl", "tag.b", werte),
            "gezeigt": Parameter("gezeigt", "zahl", "tag.b", werte),
        },
    )
    found = {what for what in named(plan) if what.startswith("parameter")}
    assert found == {
        *(f"parameter grenze: ab 2024-04-01: {change}" for change in ("ja: 2 → 1", "ja: 2 → 3")),
        *(f"parameter grenze: ab 2024-04-01: {change}" for change in ("nein: 4 → 3", "nein: 4 → 5")),
        *(f"parameter grenze: ab 2025-04-01: {change}" for change in ("3 → 2", "3 → 4")),
        *(f"parameter grenze: ab {day}" for day in ("2024-04-01 → 2024-03-31", "2024-04-01 → 2024-04-02")),
        *(f"parameter grenze: ab {day}" for day in ("2025-04-01 → 2025-03-31", "2025-04-01 → 2025-04-02")),
        *(f"parameter grenze: ab {day} entfällt" for day in ("2024-04-01", "2025-04-01")),
    }


def test_a_parameter_is_left_alone_on_days_that_the_rule_never_meets() -> None:
    werte = tuple(Wert(date(year, 4, 1), year, "BGBl.") for year in (2007, 2021, 2025))
    plan = replace(
        a_plan(leaf("zahl.a", Op.MAXIMAL, Parameterwert("grenze"))),
        gilt=Gilt("tag.a", date(2021, 9, 1), date(2024, 12, 31)),
        parameter={"grenze": Parameter("grenze", "zahl", "tag.a", werte)},
    )
    found = {what for what in named(plan) if what.startswith("parameter")}
    assert found == {"parameter grenze: ab 2021-04-01: 2021 → 2020", "parameter grenze: ab 2021-04-01: 2021 → 2022"}


def test_every_frist_is_lengthened_shortened_shifted_and_left_out() -> None:
    ende = Rechnung("tag.a", (("lebensmonat", 4),))
    massgeblich = Massgeblich.ABGABE
    shifted = Frist("a", FristTyp.PFLICHT, massgeblich, ende, verschiebung="§ 193 BGB")
    fixed = Frist("b", FristTyp.PFLICHT, massgeblich, ende)
    dateless = Frist("c", FristTyp.UNVERZUEGLICH, massgeblich)
    found = named(replace(a_plan(LIVES), fristen=(shifted, fixed, dateless)))
    assert found >= {
        "Frist a: lebensmonat 4 von tag.a → lebensmonat 5 von tag.a",
        "Frist a: lebensmonat 4 von tag.a → monate 4 von tag.a",
        "Frist a: verschiebung entfällt",
        "Frist b: mit verschiebung",
        "Frist b: entfällt",
        "Frist c: entfällt",
    }


def test_the_indikator_is_changed_only_where_a_condition_waits_for_an_answer() -> None:
    silent = replace(a_plan(HOURS), indikator=LIVES)
    frage = Frage("zahl.a", "zahl", {"de": "?", "en": "?", "ls": "?"}, {}, 0, 80)
    asking = replace(silent, fragen=(frage,))
    assert not [what for what in named(silent) if what.startswith("indikator")]
    assert named(asking) >= {"indikator entfällt", "indikator: ja.a ist ja → nicht"}
    other = Frage("ja.b", "janein", {"de": "?", "en": "?", "ls": "?"}, YES_NO)
    assert not [what for what in named(replace(silent, fragen=(other,))) if what.startswith("indikator")]


def test_no_mutant_is_the_plan_itself_or_another_mutant() -> None:
    for compiled in COMPILED:
        for plan in compiled.lebenslage.plans if compiled.lebenslage else ():
            hashes = [mutant.plan.hash for mutant in mutants(plan)]
            assert len({plan.hash, *hashes}) == len(hashes) + 1


# killing -------------------------------------------------------------------------------------------------------------


def a_case(plan: Plan, erwartet: str, **zahl: int) -> Case:
    facts = {"tag.a": date(2025, 1, 1), **{f"zahl.{name}": value for name, value in zahl.items()}}
    return Case("Probe", "faelle/probe.yaml", 1, 1, plan, facts, date(2025, 2, 1), erwartet)


def test_a_boundary_that_no_case_stands_on_lets_its_mutant_live_and_names_the_case() -> None:
    plan = a_plan(HOURS)
    far = [a_case(plan, "ja", a=20), a_case(plan, "nein", a=40)]
    living = {survivor.mutant.what: survivor for survivor in try_mutants(plan, far).survivors}
    assert "zahl.a maximal 32 → maximal 33" in living
    assert "zahl.a: 33" in living["zahl.a maximal 32 → maximal 33"].case
    assert "erwartet: nein" in living["zahl.a maximal 32 → maximal 33"].case
    close = [*far, a_case(plan, "ja", a=32), a_case(plan, "nein", a=33)]
    assert not [one for one in try_mutants(plan, close).survivors if one.mutant.what.startswith("zahl.a")]


NATURES = {
    "neben": ("schluessel: ", "gruppe: "),
    "felder": ("Feld ",),
    "versand": ("versand V",),
    "fristart": ("typ ", "massgeblich "),
}


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_the_cases_of_every_rule_say_what_the_auftrag_is_and_notice_another(plan: Plan) -> None:
    (compiled,) = [one for one in COMPILED if one.name == plan.lebenslage]
    cases = [case for case in cases_of(compiled) if case.plan.leistung == plan.leistung]
    stated = stated_by(cases)
    assert stated >= NATURE - ({"fristart"} if not plan.fristen else set())
    of_natures = {mutant.what for mutant in mutants(plan, stated)} - named(plan)
    assert of_natures
    for word, marks in NATURES.items():
        silent = [replace(case, **{word: () if word == "neben" else None}) for case in cases]
        assert not any(mark in what for mark in marks for what in made_by(plan, silent)), word
        wrong = [mutant for mutant in mutants(plan, stated) if mutant.what in of_natures and _about(mutant, marks)]
        assert all(any(run(replace(case, plan=mutant.plan)) for case in cases) for mutant in wrong), word
        if word in stated and wrong:
            assert not any(run(replace(case, plan=wrong[0].plan)) for case in silent), "control: nobody else notices"


def made_by(plan: Plan, cases: list[Case]) -> set[str]:
    return {mutant.what for mutant in mutants(plan, stated_by(cases))} - named(plan)


def _about(mutant: Mutant, marks: tuple[str, ...]) -> bool:
    return any(mark in mutant.what for mark in marks)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_taking_the_cases_of_a_boundary_away_lets_its_mutant_live(plan: Plan) -> None:
    (compiled,) = [one for one in COMPILED if one.name == plan.lebenslage]
    cases = [case for case in cases_of(compiled) if case.plan.leistung == plan.leistung]
    made = mutants(plan)
    for mutant in made[:: depth(12, 1)]:
        others = [case for case in cases if not run(replace(case, plan=mutant.plan))]
        assert len(others) < len(cases), mutant.what
        assert mutant.what in {one.mutant.what for one in try_mutants(plan, others).survivors}


# the author's report -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "rules")
    return tmp_path / "rules"


def report(folder: Path, lebenslage: str) -> MutantReport:
    compiled, problems = check(folder)
    assert problems == ()
    (one,) = [each for each in compiled if each.name == lebenslage]
    assert one.lebenslage is not None
    cases, wrong = read_cases(one.folder, one.lebenslage, read_catalogue(folder))
    assert wrong == []
    assert [run(case) for case in cases] == [()] * len(cases)
    return report_mutants(folder, one, cases)


def without(path: Path, *names: str) -> None:
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not any(f"name: {name}" in line for name in names)]
    assert len(kept) == len(lines) - len(names)
    path.write_text("\n".join(kept) + "\n")


def test_what_lives_is_named_with_its_line_and_the_case_given_kills_it_as_it_stands(folder: Path) -> None:
    cases = folder / "umzug" / "faelle" / "hundesteuer.yaml"
    without(cases, "eingezogen am ersten Tag der Geltung", "Ende am Sonntag verschiebt nichts")
    problems = [str(problem) for problem in report(folder, "umzug").problems]
    places = {problem.partition(": ")[0] for problem in problems}
    written = (folder / "umzug" / "leistungen" / "hundesteuer.yaml").read_text().splitlines()
    gilt = next(number for number, line in enumerate(written, 1) if line.startswith("gilt:"))
    frist = next(number for number, line in enumerate(written, 1) if "name: ummeldung_hund" in line)
    assert places == {f"umzug/leistungen/hundesteuer.yaml:{gilt}:41", f"umzug/leistungen/hundesteuer.yaml:{frist}:5"}
    remedies = [problem.partition("this case kills it: ")[2] for problem in problems]
    cases.write_text(cases.read_text() + "".join(f"  - {remedy}\n" for remedy in remedies))
    assert report(folder, "umzug").problems == ()


def excuse(folder: Path, mutant: str) -> None:
    path = folder / "umzug" / "faelle" / "kfz-anschrift.yaml"
    path.write_text(path.read_text() + f'gleichwertig:\n  - {{mutant: "{mutant}", grund: Probe}}\n')


def excused(folder: Path, mutant: str) -> Sequence[str]:
    excuse(folder, mutant)
    return [problem.message for problem in report(folder, "umzug").problems]


def test_an_excuse_for_a_mutant_that_a_case_kills_is_itself_wrong(folder: Path) -> None:
    (message,) = excused(folder, "person.kfz_zugelassen ist ja entfällt")
    assert message.startswith("no mutant lives that is called 'person.kfz_zugelassen ist ja entfällt'")


def test_an_excuse_for_a_mutant_that_a_case_could_kill_is_refused(folder: Path) -> None:
    without(folder / "umzug" / "faelle" / "kfz-anschrift.yaml", "eingezogen am ersten Tag der Geltung")
    (message,) = excused(folder, "gilt ab 2023-09-01 → 2023-09-02")
    assert message.startswith("the mutant is not equivalent; ")


def test_a_mutant_that_nothing_tells_from_the_rule_may_be_excused_with_a_reason(folder: Path) -> None:
    rule = folder / "umzug" / "leistungen" / "kfz-anschrift.yaml"
    line = "- {das: umzug.wohnungsart, ist: hauptwohnung, norm: § 15 Abs. 1 S. 1 Nr. 1 FZV}"
    rule.write_text(rule.read_text().replace(line, f"{line}\n    {line}"))
    living = report(folder, "umzug").problems
    assert living
    assert all("no facts that were tried tell it from the rule" in problem.message for problem in living)
    for problem in dict.fromkeys(problem.message.partition("; ")[0] for problem in living):
        name = problem.removeprefix("mutant lives: ")
        path = folder / "umzug" / "faelle" / "kfz-anschrift.yaml"
        head = "" if "gleichwertig:" in path.read_text() else "gleichwertig:\n"
        path.write_text(path.read_text() + f'{head}  - {{mutant: "{name}", grund: "steht zweimal da"}}\n')
    found = report(folder, "umzug")
    assert found.problems == ()
    assert found.excused > 0


def test_a_release_is_refused_what_lives_and_is_not_excused(folder: Path) -> None:
    catalogue = read_catalogue(folder)

    def living() -> Sequence[str]:
        (umzug,) = [one for one in check(folder)[0] if one.name == "umzug"]
        return [problem.message for problem in living_mutants(folder, umzug, catalogue)]

    assert living() == []
    without(folder / "umzug" / "faelle" / "kfz-anschrift.yaml", "eingezogen am ersten Tag der Geltung")
    (message,) = living()
    assert message.startswith("mutant lives: gilt ab 2023-09-01 → 2023-09-02")
