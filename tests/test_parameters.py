"""Figures of one's own: what cannot be is refused, what lies outside the evidence is remarked, and ranges follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from portsim.errors import PortsimError
from portsim.valuation import parameters
from portsim.valuation.parameters import Parameter, load, packaged, stated

RANGED = [name for name, one in packaged().parameters.items() if None not in {one.low, one.high} and one.most_likely]


def own(name: str, value: object) -> Parameter:
    """Return a figure that is set on the command line."""
    return load(None, {name: value}).parameters[name]


# --- what can be at all ------------------------------------------------------------------------


def test_every_packaged_figure_can_be() -> None:
    """With its range, and in a unit that has limits."""
    assert list(packaged().impossible()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("time-usdot", -5, "value -5 cannot be: USD per person-hour must be 0 to 500"),
        ("time-usdot", 10_000, "packaged: 21.8, 5 to 21.8 (US Department of Transportation)"),
        ("truck-atri", -1, "USD per truck-hour must be 0 to 1000"),
        ("loaded-fast", 1.5, "share must be 0 to 1; packaged: 1 (assumed)"),
        ("us-content", 13, "share must be 0 to 1"),
        ("trade-response", -0.0095, "% a minute must be 0 to 1"),
        ("cargo-time", 120, "% of value a day must be 0 to 20"),
        ("jobs-exports", 4.1, "jobs per USD must be 0 to 0.001"),
        ("time-usdot", {"value": 12, "high": 700}, "high 700 cannot be"),
        ("time-usdot", {"value": 30, "low": 5, "high": 21.8}, "value 30 lies outside its own range, 5 to 21.8"),
        ("spending-trip", {"unit": "USD a trip"}, "did you mean 'USD per trip'?"),
        ("profiles.usdot_2026.vehicle", {"occupancy": 1000}, "must be at most 100"),
        ("settings.trade_year", 2900, "must be at most"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: object, said: str) -> None:
    """With what is allowed, and what the evidence has."""
    with pytest.raises(PortsimError) as refused:
        load(None, {name: value})
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("path", "figure", "wanted"),
    [
        ("profiles.usdot_2026.vehicle.parameter", "time-sandag", "USD per person-hour"),
        ("profiles.sandag_ome.vehicle.parameter", "time-usdot", "USD per vehicle-hour"),
        ("profiles.usdot_2026.truck.parameter", "time-usdot", "USD per truck-hour"),
    ],
)
def test_a_profile_takes_figures_of_its_convention_only(path: str, figure: str, wanted: str) -> None:
    """A value per vehicle times its people would count them twice."""
    with pytest.raises(PortsimError, match=f"{figure} is in .* takes {wanted}"):
        load(None, {path: figure})


# --- outside the evidence ----------------------------------------------------------------------


def test_what_lies_outside_the_evidence_is_remarked() -> None:
    """In words for the terminal, and in the figure's note; what lies within is not."""
    read = load(None, {"time-usdot": 30, "cargo-time": 0.7})
    said = stated(read)
    assert len(said) == 2
    assert "beware: outside the evidence's 5 to 21.8 (US Department of Transportation)" in said[0]
    assert "outside" not in said[1]
    assert "outside the evidence's 5 to 21.8" in (read.parameters["time-usdot"].note or "")
    assert stated(packaged()) == []


# --- ranges follow -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", RANGED)
def test_the_packaged_middle_has_the_packaged_range(name: str) -> None:
    """Stating the most likely anew moves nothing: the range follows from it."""
    known = packaged().parameters[name]
    held = own(name, known.most_likely)
    assert (held.low, held.high) == pytest.approx((known.low, known.high), rel=1e-5)
    assert (held.shape, held.class_, held.source, held.central) == (known.shape, "assumed", None, None)


def test_a_range_keeps_its_ratio_to_the_value() -> None:
    """5 and 21.8 to 12 are 12.5 and 54.5 to 30; a share stays a share; nothing is drawn of nothing."""
    assert (own("time-usdot", 30).low, own("time-usdot", 30).high) == pytest.approx((12.5, 54.5))
    share = own("loaded-otay-mesa", 0.9)
    assert (share.low, share.high) == pytest.approx((0.9 * 0.515 / 0.65, 1.0), rel=1e-5)
    shrinking = own("trade-growth", -2.2)
    assert (shrinking.low, shrinking.high) == pytest.approx((-3, -1))
    assert (own("time-usdot", 0).low, own("time-usdot", 0).high) == (0, 0)


def test_a_stated_range_stays() -> None:
    """Whole, or the end that is given; and so does a shape."""
    held = own("time-usdot", {"value": 9, "low": 2, "high": 11})
    assert (held.low, held.high, held.label) == (2, 11, packaged().parameters["time-usdot"].label)
    assert own("time-usdot", {"value": 12, "low": 11}).high == pytest.approx(21.8)
    assert own("time-usdot", {"value": 9, "shape": "fixed"}).shape == "fixed"


def test_a_file_states_figures_as_the_command_line_does(tmp_path: Path) -> None:
    """But for the note; and a source of one's own stays."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "sources: {survey: {title: Our survey, publisher: us}}\n"
        "parameters:\n"
        "  time-usdot: {value: 30}\n"
        "  cargo-time: {value: 1, class: published, source: survey}\n"
    )
    read = load(path)
    held, set_ = read.parameters["time-usdot"], own("time-usdot", 30)
    assert held.model_dump(exclude={"note"}) == set_.model_dump(exclude={"note"})
    assert read.parameters["cargo-time"].source == "survey"
    assert load(path, {"time-usdot": 20}).parameters["time-usdot"].high == pytest.approx(20 * 54.5 / 30, rel=1e-5)


def test_facts_give_way_to_what_is_stated() -> None:
    """A figure that takes its number from a fact of the documents takes one's own."""
    held = own("us-content", 0.14)
    assert (held.value, held.fact) == (0.14, None)
    assert parameters.outside("us-content", held) == ""
