import pytest

from proaktiv.core.dsn import apart, spread

TWO = "postgresql://role:ge%40heim@/proaktiv?target_session_attrs=read-write&host=a,b&port=5432,5433"


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://role:ge%40heim@a:5432,b:5433/proaktiv",
        "postgresql://role:ge%40heim@a,b:5433/proaktiv",
        "postgresql://role:ge%40heim@/proaktiv?host=a:5432&host=b:5433",
        "postgresql://role:ge%40heim@/proaktiv?host=a,b&port=5432,5433",
    ],
)
def test_two_hosts_are_read_in_every_form_that_postgresql_knows_and_writes_go_to_the_primary(written: str) -> None:
    assert spread(written) == spread(spread(written)) == TWO


def test_what_is_asked_of_the_session_is_kept() -> None:
    assert "target_session_attrs=standby" in spread("postgresql://r@a,b/d?target_session_attrs=standby")
    assert "sslmode=verify-full" in spread("postgresql://r@a,b/d?sslmode=verify-full")


def test_one_port_is_that_of_every_host_and_an_address_may_be_ipv6() -> None:
    assert spread("postgresql://r@/d?host=a,b&port=7").endswith("host=a,b&port=7,7")
    assert spread("postgresql://r@[::1]:7,[::2]/d").endswith("host=::1,::2&port=7,5432")


@pytest.mark.parametrize(
    "written",
    ["postgresql://r@a/d", "postgresql+psycopg://r@/d?host=/tmp/x&port=5432", "postgresql:///d", "geheim", ""],
)
def test_a_url_of_one_host_is_left_as_it_is(written: str) -> None:
    assert spread(written) == written


@pytest.mark.parametrize("written", ["postgresql://r@a,,b/d", "postgresql://r@/d?host=a,b,c&port=1,2"])
def test_hosts_that_cannot_be_told_apart_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="names"):
        spread(written)


def test_each_of_several_hosts_can_be_asked_alone_whatever_it_is() -> None:
    assert apart("postgresql://app:x@a,[::1]:5433/proaktiv?sslmode=require") == {
        "a:5432": "postgresql://app:x@/proaktiv?target_session_attrs=any&sslmode=require&host=a&port=5432",
        "[::1]:5433": "postgresql://app:x@/proaktiv?target_session_attrs=any&sslmode=require&host=::1&port=5433",
    }


@pytest.mark.parametrize("written", ["postgresql://app@a:5432/proaktiv", "postgresql://app@/proaktiv?host=/run&port=1"])
def test_a_url_of_one_host_has_nothing_to_ask_apart(written: str) -> None:
    assert apart(written) == {}
