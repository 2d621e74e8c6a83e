"""The page of figures: one bench run anew changes its own section and no other."""

from pathlib import Path

from tests.bench.table import CITED, Figure, write_section


def test_a_bench_run_anew_changes_its_own_section_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    for name, machine in (("intake", "this one"), ("flood", "this one"), ("intake", "another")):
        write_section(page, name, [Figure(f"{name} on {machine}", "1/s", 0.4, 0.5)], machine)
    written = page.read_text()
    assert written.index("## intake") < written.index("## flood") < written.index(CITED[0][0])
    assert [written.count(said) for said in ("intake on this one", "intake on another", "flood on this one")] == [
        0,
        1,
        1,
    ]
    assert written.count("Machine: this one.") == written.count("Machine: another.") == 1
    assert written.count("## ") == 2


def test_a_bound_that_is_missed_says_so_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    write_section(page, "intake", [Figure("slow", "1/s", 0.4, 0.5), Figure("quick", "9/s", 0.6, 0.5)], "this one")
    assert "| slow | 1/s | 0.40 | ≥ 0.50 **missed** |" in page.read_text()
    assert "| quick | 9/s | 0.60 | ≥ 0.50 |" in page.read_text()
