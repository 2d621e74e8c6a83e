"""Ask GETTSIM and write its answers: run by ``make oracle`` in an environment of its own, never imported.

GETTSIM is AGPL-3.0. It runs as a separate process; only numbers and booleans with version and date leave it.
Usage: python tests/oracle/gettsim_run.py OUT.json DATE
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from gettsim import InputData, MainTarget, TTTargets, main

sys.path.insert(0, str(Path(__file__).parent))
import grid

SOMEBODY = {"alter": 30, "alter_monate": 360, "stunden": 40.0, "beantragt": False, "zve": 0.0, "allein": False}
CHILD = {**SOMEBODY, "alter": 0, "alter_monate": 1, "stunden": 0.0}
ELTERNGELD = {
    "p_id": "p_id",
    "hh_id": "hh_id",
    "alter": "alter",
    "alter_monate": "alter_monate",
    "arbeitsstunden_w": "stunden",
    "elterngeld": {
        "claimed": "beantragt",
        "zu_versteuerndes_einkommen_vorjahr_y_sn": "zve",
        "bisherige_bezugsmonate": "null",
        "mean_nettoeinkommen_in_12_monaten_vor_geburt_m": "netto",
    },
    "familie": {
        "alleinerziehend": "allein",
        "p_id_ehepartner": "partner",
        "p_id_elternteil_1": "elternteil_1",
        "p_id_elternteil_2": "elternteil_2",
    },
    "bürgergeld": {"p_id_einstandspartner": "partner"},
    "kindergeld": {"in_ausbildung": "nein"},
    "einkommensteuer": {"gemeinsam_veranlagt": "verheiratet"},
}
KINDERGELD = {
    "p_id": "p_id",
    "alter": "alter",
    "arbeitsstunden_w": "stunden",
    "kindergeld": {"in_ausbildung": "nein", "p_id_empfänger": "empfaenger"},
}


def ask(rows: list[dict[str, object]], mapper: dict[str, object], day: str, tree: dict[str, object]) -> pd.DataFrame:
    frame = pd.DataFrame(rows).assign(null=0, netto=1_000.0, nein=False)
    return main(
        main_target=MainTarget.results.df_with_mapper,
        policy_date_str=day,
        input_data=InputData.df_and_mapper(frame, mapper),
        tt_targets=TTTargets(tree=tree),
    )


def elterngeld(birth: str) -> str:
    """Return for each family whether the parent may have Elterngeld as far as income and hours go."""
    rows: list[dict[str, object]] = []
    for number, family in enumerate(grid.families(birth)):
        parent, other, child = 3 * number, 3 * number + 1, 3 * number + 2
        couple = not family.alone
        told = {"zve": float(family.income), "allein": family.alone, "beantragt": True, "stunden": float(family.hours)}
        nobody = {"partner": -1, "elternteil_1": -1, "elternteil_2": -1, "verheiratet": False}
        rows.append({**SOMEBODY, **nobody, **told, "p_id": parent, "hh_id": number})
        # Who is alone has a stranger beside them, in another household: every family has the same three rows.
        rows.append({**SOMEBODY, **nobody, "p_id": other, "hh_id": number if couple else number + grid.FAMILIES})
        rows.append({**CHILD, **nobody, "p_id": child, "hh_id": number, "elternteil_1": parent})
        if couple:
            rows[-3] |= {"partner": other, "verheiratet": True}
            rows[-2] |= {"partner": parent, "verheiratet": True, "zve": float(family.income)}
            rows[-1] |= {"elternteil_2": other}
    tree = {"elterngeld": {"grundsätzlich_anspruchsberechtigt": "ok"}}
    answers = ask(rows, ELTERNGELD, birth, tree)["ok"].loc[[3 * n for n in range(grid.FAMILIES)]]
    return grid.packed([bool(answer) for answer in answers])


def kindergeld(day: str) -> dict[str, object]:
    """Return which children count, and in cents what a parent gets for one child and for three."""
    ages = grid.ages()
    rows = [{**SOMEBODY, "p_id": number, "empfaenger": -1} for number in range(2)]
    rows += [
        {
            **CHILD,
            "p_id": 2 + number,
            "alter": age,
            "empfaenger": 1 if number in {0, 24, 48} else 0 if not number - 72 else -1,
        }
        for number, age in enumerate(ages)
    ]
    tree = {"kindergeld": {"ist_leistungsbegründendes_kind": "zaehlt", "betrag_m": "betrag"}}
    found = ask(rows, KINDERGELD, day, tree)
    return {
        "counts": grid.packed([bool(one) for one in found["zaehlt"].loc[[2 + n for n in range(len(ages))]]]),
        "one_child_cents": round(100 * float(found["betrag"].loc[0])),
        "three_children_cents": round(100 * float(found["betrag"].loc[1])),
    }


def write(path: Path, day: str) -> None:
    answers = {
        "elterngeld": {birth: elterngeld(birth) for birth in grid.BIRTHS},
        "families": grid.FAMILIES,
        "kindergeld": {year: kindergeld(year) for year in grid.YEARS},
        "made_on": day,
        "source": "GETTSIM (AGPL-3.0): results only, made by tests/oracle/gettsim_run.py for tests/oracle/grid.py",
        "version": version("gettsim"),
    }
    path.write_text(json.dumps(answers, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
