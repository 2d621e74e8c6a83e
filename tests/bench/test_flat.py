"""The figures of flatness themselves: a planted leak is seen, noise is none. Numbers only, nothing is timed."""

from tests.bench.flat import Sample, climb, slope, warm

MB = 1_000_000


def samples(*memory: float) -> list[Sample]:
    return [Sample(5_000 * number, int(mb * MB), 20, 9, 6) for number, mb in enumerate(memory)]


def test_a_worker_that_keeps_ten_bytes_of_each_event_grows_by_a_megabyte() -> None:
    leaking = [Sample(events, 120 * MB + 10 * events, 20, 9, 6) for events in range(0, 100_001, 5_000)]
    assert round(slope(leaking), 6) == 1.0


def test_a_leak_is_seen_through_noise() -> None:
    leaking = [
        Sample(events, 120 * MB + 50 * events + events % 3 * MB, 20, 9, 6) for events in range(0, 100_001, 2_500)
    ]
    assert slope(leaking) > 4.0


def test_noise_around_one_level_is_no_growth() -> None:
    assert abs(slope(samples(*(120 + number % 2 for number in range(41))))) < 0.2


def test_what_fills_caches_in_the_warm_up_is_no_growth() -> None:
    assert slope(warm(samples(60, 90, 110, 118, *[120] * 17))) == 0.0


def test_one_handle_that_stays_is_seen() -> None:
    assert climb([20, 20, 20, 21, 21, 21]) > 1.0


def test_threads_that_come_and_end_are_no_climb() -> None:
    assert climb([9, 17, 9, 17, 9, 9]) == 1.0
