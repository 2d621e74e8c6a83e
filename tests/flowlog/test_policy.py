"""A policy is kept whole or refused: what it asks for and we cannot check is never passed over."""

import pytest

from proaktiv.flowlog.policy import PolicyError, trusted_log
from tests.flowlog.exports import VKEY

OTHER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_policy_of_one_log_names_its_key() -> None:
    assert trusted_log(f"# ours\n\n  log {VKEY} https://log.example/\n\tquorum none \n") == VKEY


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("", "one line"),
        (f"log {VKEY}\n", "one line `log VKEY` and one line `quorum none`"),
        ("quorum none\n", "one line"),
        (f"log {VKEY}\nlog {OTHER}\nquorum none\n", "one line"),
        (f"log {VKEY}\nquorum none\nquorum none\n", "one line"),
        (f"log {VKEY}\nwitness dsb {OTHER}\nquorum dsb\n", "line 2: witnesses cannot be checked"),
        (f"log {VKEY}\nquorum dsb\n", "line 2: witnesses cannot be checked"),
        (f"log {VKEY}\ngroup g any dsb\n", "line 2: witnesses cannot be checked"),
        (f"log {VKEY[:-1]}\nquorum none\n", "line 1: not"),
        (f"\nkey {VKEY}\n", "line 2: neither log nor quorum"),
        (f"log {VKEY} a b\n", "line 1: neither"),
    ],
)
def test_another_policy_is_refused_by_line(policy: str, told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        trusted_log(policy)
