import numpy as np
import pytest

from inspector_core.inspection.latency import LatencyMeter, Percentiles, StageTimes


def test_percentiles_over_all_parts_are_exact_to_one_percent():
    values = np.random.default_rng(3).lognormal(3, 1, 20_000)
    meter = LatencyMeter(window=100)
    for value in values:
        meter.add(float(value))
    exact = np.percentile(values, (50, 95, 99), method="inverted_cdf")
    overall = meter.overall()
    assert (overall.p50_ms, overall.p95_ms, overall.p99_ms) == pytest.approx(tuple(exact), rel=0.01)


def test_the_window_forgets_what_is_older():
    meter = LatencyMeter(window=10)
    for value in [1000.0] * 50 + list(range(1, 11)):
        meter.add(value)
    assert meter.recent() == Percentiles(6, 10, 10)
    assert meter.overall().p50_ms == pytest.approx(1000, rel=0.01)


def test_before_the_first_part_all_is_zero():
    assert LatencyMeter().recent() == LatencyMeter().overall() == Percentiles()
    assert StageTimes().means() == {}


@pytest.mark.parametrize("value", [0.0, 1e-9, 1e12])
def test_absurd_times_are_counted_and_break_nothing(value):
    meter = LatencyMeter()
    meter.add(value)
    assert meter.overall().p50_ms > 0


def test_a_stage_is_measured_even_where_it_fails():
    times = StageTimes()
    with pytest.raises(ZeroDivisionError), times.measure("detect"):
        _ = 1 / 0
    assert times.means()["detect"] >= 0
