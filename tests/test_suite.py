"""How the suite itself runs: a test fails for what it tests and for nothing else."""

import sys

import anyio


def test_pytest_rewrites_the_tests_and_no_package_that_the_house_imports() -> None:
    # One imported late, inside a test, would be parsed anew while other threads run: see addopts in pyproject.toml.
    rewritten = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if type(getattr(module, "__loader__", None)).__name__ == "AssertionRewritingHook"
    }
    assert "tests" in rewritten
    assert not rewritten & {anyio.__name__, "hypothesis", "schemathesis", "time_machine", "platformdirs"}
