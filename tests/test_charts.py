"""Charts say what their tables say, and can be read."""

import hashlib
import itertools
import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from portsim.drawing import charts
from portsim.drawing.layout import LOOKS
from portsim.numbers import MINUS, Estimate, decimals, dollars, large, minutes, plus_minus
from portsim.results.findings import Context, hidden_lanes, main_lines, no_truck_change
from portsim.results.words import say

NAN = math.nan
TIMES = "\u00d7"
PORTS = {
    "cross-border-xpress": "Cross Border Xpress",
    "san-ysidro": "San Ysidro",
    "otay-mesa": "Otay Mesa",
    "otay-mesa-east": "Otay Mesa East",
    "tecate": "Tecate",
    "calexico-west": "Calexico West",
    "calexico-east": "Calexico East",
    "andrade": "Andrade",
}
CONTEXT = Context(
    scenarios={"baseline": "Today", "ome": "Otay Mesa East opens"},
    ports=PORTS,
    replications=12,
    weeks=4,
    seed=20261,
    source="BTS crossings 2024-25; CBP waits April-June 2026",
    version="0.1.0",
    target_wait_min={"otay-mesa": 20.0},
    assumed_waits=frozenset({("otay-mesa", "truck")}),
)
TWO_OPTIONS = replace(CONTEXT, scenarios={**CONTEXT.scenarios, "moved": "Opens, officers moved from San Ysidro"})


def summary(waits, mode="truck"):
    rows = [
        (scenario, port, mode, lane_type, mean, half_width)
        for scenario, of_ports in waits.items()
        for port, (mean, half_width) in of_ports.items()
        for lane_type in ("standard", "all")
    ]
    return pd.DataFrame(rows, columns=["scenario", "port", "mode", "lane_type", "wait_mean_min", "wait_mean_hw_min"])


def comparison(changes, mode="truck", lane_type="all"):
    rows = [
        ("baseline", option, port, mode, lane_type, "wait_mean_min", 50.0, 50.0 + difference, *change)
        for option, of_ports in changes.items()
        for port, change in of_ports.items()
        for difference in change[:1]
    ]
    columns = ["base", "option", "port", "mode", "lane_type", "metric", "base_value", "option_value"]
    return pd.DataFrame(rows, columns=[*columns, "difference", "half_width", "verdict"])


def profile(peaks, closed=(), half_width=0.05, peak=15, lane=("otay-mesa", "truck", "standard")):
    rows = []
    for scenario, hour in itertools.product(peaks, range(24)):
        mean = NAN if hour in closed else 5 + peaks[scenario] * math.exp(-(((hour - peak) / 3) ** 2))
        rows.append((scenario, *lane, hour, mean, half_width * mean, 0.6 * mean, 1.5 * mean, 240))
    columns = ["scenario", "port", "mode", "lane_type", "hour", "wait_mean_min", "wait_mean_hw_min"]
    return pd.DataFrame(rows, columns=[*columns, "wait_p10_min", "wait_p90_min", "days"])


def week(peaks, lane=("otay-mesa", "truck", "standard"), closed=range(6), half_width=4.0):
    """Rows of hourly.csv: longest on Thursdays at 15:00, closed in these hours of every day."""
    rows = []
    for scenario, weekday, hour in itertools.product(peaks, range(7), range(24)):
        mean = 5 + peaks[scenario] * math.exp(-(((hour - 15) / 4) ** 2) - ((weekday - 3) / 3) ** 2)
        wait = (NAN, NAN) if hour in closed else (mean, half_width)
        rows.append((scenario, *lane, weekday, hour, 0.0 if hour in closed else 50.0, *wait))
    columns = ["scenario", "port", "mode", "lane_type", "weekday", "hour", "arrivals_per_hour"]
    return pd.DataFrame(rows, columns=[*columns, "wait_mean_min", "wait_mean_hw_min"])


def week_changes(of_days, options=("ome",), lane=("otay-mesa", "truck", "standard"), closed=range(6)):
    """Rows of hourly_comparison.csv: one change for all open hours of a weekday."""
    rows = [
        ("baseline", option, *lane, weekday, hour, *((NAN, NAN, "") if hour in closed else of_days[weekday]))
        for option, weekday, hour in itertools.product(options, range(7), range(24))
    ]
    columns = ["base", "option", "port", "mode", "lane_type", "weekday", "hour", "difference", "half_width", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def heat(table, changes=None, context=CONTEXT, lane=("otay-mesa", "truck", "standard")):
    return charts.wait_by_week(table, *lane, context, hourly_comparison=pd.DataFrame() if changes is None else changes)


def cells(axes):
    """Return the values of a panel, 7 x 24, NaN where nothing is drawn."""
    return [mesh.get_array().filled(NAN) for mesh in axes.collections]


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def day(table, change=None, context=CONTEXT):
    options = {name: {"otay-mesa": change} for name in list(context.scenarios)[1:] if change}
    changes = comparison(options, lane_type="standard")
    return charts.wait_by_hour(table, "otay-mesa", "truck", "standard", context, comparison=changes)


def cargo(saved, option="ome"):
    """Rows as the rule makes them: blank beyond 60 minutes, and then without a total."""
    shares = {"otay-mesa": 0.11052, "tecate": 0.0024, "calexico-east": 0.03883}
    rows = []
    for port, (saving, half_width) in saved.items():
        rule = 2.6e6 * saving if abs(saving) <= 60 else NAN
        usd, usd_hw = rule * shares[port], 2.6e6 * half_width * shares[port] + 0 * rule
        flag = "beyond the rule's reach" if math.isnan(rule) else "extrapolated" if abs(saving) > 20 else ""
        rows.append(("border", port, saving, half_width, rule, shares[port], usd, usd_hw, 0.8 * usd, 1.9 * usd, flag))
    usd, usd_hw = sum(row[6] for row in rows), sum(row[7] for row in rows)
    rows.append(("border", "all", 12.0, 1.0, NAN, 0.152, usd, usd_hw, 0.8 * usd, 1.9 * usd, NAN))
    rows.append(("region", "all", 12.0, 1.0, 31.2e6, 1.0, 7 * usd, 7 * usd_hw, 5 * usd, 12 * usd, "upper reading"))
    columns = ["scope", "port", "minutes_saved", "minutes_saved_hw", "rule_if_borderwide_usd_per_month", "share"]
    columns += ["usd_per_month", "usd_per_month_hw", "low_usd_per_month", "high_usd_per_month", "flag"]
    return pd.DataFrame(rows, columns=columns).assign(base="baseline", option=option)


BETTER = (-36.0, 6.0, "better")
WORSE = (4.0, 1.2, "worse")
UNCLEAR = (-1.0, 2.0, "no clear change")
SAME = (0.0, 0.0, "identical by design")
THREE = {"otay-mesa": (62.0, 6.0), "tecate": (12.0, 2.0), "calexico-east": (20.0, 1.0)}


def trucks(*changes, option=None):
    waits = summary({"baseline": THREE, "ome": option or THREE})
    return charts.waits_by_port(waits, comparison({"ome": dict(zip(THREE, changes, strict=True))}), "truck", CONTEXT)


def title(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def texts(figure: Figure) -> list[Text]:
    found = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [text for text in found if text.get_text().strip()]


def words(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in texts(figure)).split())


def assert_readable(figure: Figure) -> None:
    """No text leaves the page or lies on another, and none is too small to read."""
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    boxes = [(text.get_text(), Text.get_window_extent(text)) for text in texts(figure)]
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across < 2 or up < 4, (one, other)  # letters of two close lines do not fill their boxes
    assert min(text.get_fontsize() for text in texts(figure)) >= 11


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((BETTER, UNCLEAR, SAME), "truck waits fall at 1 of 3 ports, Otay Mesa† (by 36 ± 6 min)"),
        ((BETTER, BETTER, SAME), "truck waits fall at 2 of 3 ports, most at Otay Mesa† (by 36 ± 6 min)"),
        ((SAME, WORSE, UNCLEAR), "truck waits rise at 1 of 3 ports, Tecate (by 4 ± 1 min)"),
        (
            (BETTER, WORSE, SAME),
            "truck waits fall at 1 of 3 ports, Otay Mesa† (by 36 ± 6 min) and rise at 1, Tecate (by 4 ± 1 min)",
        ),
        ((UNCLEAR, SAME, SAME), "no clear change in truck waits at any of 3 ports"),
        ((SAME, SAME, SAME), "truck waits are identical by design at all 3 ports"),
    ],
)
def test_title_of_waits_states_the_verdicts(changes, expected):
    assert title(trucks(*changes)) == f"Otay Mesa East opens: {expected}"


def test_waits_page_has_units_intervals_footer_and_definition():
    figure = trucks(BETTER, UNCLEAR, SAME)
    said = words(figure)
    assert figure.axes[0].get_xlabel() == "Mean truck wait (minutes)"
    assert "12 replications of 4 weeks, seed 20261, portsim 0.1.0. Source: BTS crossings 2024-25" in said
    assert "Wait: joining the line to start of primary inspection, northbound." in said
    assert "95% confidence intervals" in said
    assert f"{MINUS}36 ± 6 min, better" in said
    assert "no clear change" in said
    assert "identical by design" in said


def test_a_dagger_marks_only_what_rests_on_an_assumed_wait():
    assumed = trucks(BETTER, UNCLEAR, SAME)
    labels = [label.get_text() for label in assumed.axes[0].get_yticklabels()]
    assert labels == ["Otay Mesa†", "Tecate", "Calexico East"]
    assert "† rests on an assumed wait" in words(assumed)
    known = charts.waits_by_port(summary({"baseline": THREE}, "vehicle"), comparison({}), "vehicle", CONTEXT)
    assert "†" not in words(known)


def test_a_port_of_the_option_only_is_shown_as_that_and_not_counted():
    option = {**THREE, "otay-mesa-east": (6.2, 0.4)}
    figure = trucks(BETTER, SAME, SAME, option=option)
    assert "opens" in [text.get_text() for text in texts(figure)]
    assert "of 3 ports" in title(figure)
    assert_readable(figure)


def test_base_alone_states_the_longest_wait():
    figure = charts.waits_by_port(summary({"baseline": THREE}), pd.DataFrame(), "truck", CONTEXT)
    assert title(figure) == "Trucks wait longest at Otay Mesa†: 62 ± 6 min on average"


def test_unknown_mode_is_an_error():
    with pytest.raises(ValueError, match="no bus waits"):
        charts.waits_by_port(summary({"baseline": THREE}), pd.DataFrame(), "bus", CONTEXT)


def test_all_ports_and_two_options_do_not_collide():
    base = {port: (20.0 + 9 * index, 6.0 + 5 * index) for index, port in enumerate(PORTS)}
    closed = {port: wait for port, wait in base.items() if port != "otay-mesa-east"}
    changes = dict.fromkeys(closed, UNCLEAR) | {"andrade": BETTER, "tecate": WORSE}
    for context, options in ((CONTEXT, ["ome"]), (TWO_OPTIONS, ["ome", "moved"])):
        waits = summary({"baseline": closed} | dict.fromkeys(options, base), "vehicle")
        table = comparison(dict.fromkeys(options, changes), "vehicle")
        figure = charts.waits_by_port(waits, table, "vehicle", context)
        assert_readable(figure)
    assert "Otay Mesa East opens: shorter at 1, longer at 1 of 7 ports" in title(figure)


def test_more_options_than_looks_are_left_out_and_said_so():
    names = {f"option-{index}": f"Option {index}" for index in range(6)}
    context = replace(CONTEXT, scenarios={"baseline": "Today"} | names)
    table = comparison({name: {"tecate": SAME} for name in names})
    waits = summary(dict.fromkeys(context.scenarios, THREE))
    figure = charts.waits_by_port(waits, table, "truck", context)
    said = words(figure)
    assert_readable(figure)
    assert "2 options left out." in said
    assert "Option 4" not in said


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (BETTER, "trucks at Otay Mesa† (standard lanes) wait 36 ± 6 min less; 15:00 peak 35 ± 2 min, was 75 ± 4"),
        (WORSE, "trucks at Otay Mesa† (standard lanes) wait 4 ± 1 min more; 15:00 peak 35 ± 2 min, was 75 ± 4"),
        (UNCLEAR, f"no clear change in the wait of trucks at Otay Mesa† (standard lanes) ({MINUS}1 ± 2 min)"),
        (SAME, "the wait of trucks at Otay Mesa† (standard lanes) is identical by design"),
    ],
)
def test_title_of_hours_states_the_paired_change(change, expected):
    figure = day(profile({"baseline": 70, "ome": 30}), change)
    assert title(figure) == f"Otay Mesa East opens: {expected}"
    assert "paired, over the whole week" in words(figure)
    assert_readable(figure)


def test_title_of_hours_says_no_change_that_is_not_compared():
    figure = day(profile({"baseline": 70, "ome": 30}))
    expected = "15:00 peak. Today: 75 ± 4 min; Otay Mesa East opens: 35 ± 2 min"
    assert title(figure) == f"Trucks at Otay Mesa† (standard lanes), {expected}"
    assert "paired" not in words(figure)


@pytest.mark.parametrize(
    ("target", "half_width", "expected"),
    [
        (20.0, 0.05, "(15:00), over the 20-minute target"),
        (75.0, 0.05, "(15:00), around the 75-minute target"),
        (90.0, 0.05, "(15:00), under the 90-minute target"),
        (90.0, NAN, "(15:00)"),
    ],
)
def test_title_of_hours_names_the_side_of_the_target(target, half_width, expected):
    context = replace(CONTEXT, target_wait_min={"otay-mesa": target})
    figure = day(profile({"baseline": 70}, half_width=half_width), context=context)
    assert title(figure).endswith(f"min at the weekday peak {expected}")
    assert_readable(figure)


def test_a_peak_that_moves_is_named_with_its_own_hour():
    table = profile({"baseline": 70, "ome": 30})
    table.loc[(table["scenario"] == "ome") & (table["hour"] == 15), "wait_mean_min"] = NAN
    figure = day(table, BETTER)
    assert title(figure).endswith("wait 36 ± 6 min less; peak 32 ± 2 min at 14:00, was 75 ± 4 at 15:00")
    assert "32 ± 2 min" in words(figure)
    assert_readable(figure)
    assert title(day(table)).endswith(
        "weekday peaks. Today: 75 ± 4 min at 15:00; Otay Mesa East opens: 32 ± 2 min at 14:00"
    )


def test_hours_page_has_units_band_target_and_gaps():
    closed = [0, 1, 2, 3, 4, 5, 22, 23]
    figure = day(profile({"baseline": 70, "ome": 30}, closed), BETTER)
    axes = figure.axes[0]
    assert axes.get_ylabel() == "Wait (minutes)"
    assert axes.get_xlabel() == "Hour of joining the line, Monday-Friday"
    said = words(figure)
    for phrase in (
        "band: 8 weekdays in 10",
        "target 20 min",
        "seed 20261",
        say("chart.assumed"),
        "75 ± 4 min",
        "35 ± 2 min",
    ):
        assert phrase in said
    assert "10th to 90th percentile of the hour's mean wait on 240 simulated weekdays" in said
    means = next(line for line in axes.get_lines() if line.get_linewidth() == 3)
    assert np.flatnonzero(np.isnan(np.asarray(means.get_ydata(), float))).tolist() == closed
    assert_readable(figure)


def test_the_band_lies_between_the_percentiles_of_days():
    table = profile({"baseline": 70})
    (band,) = day(table).axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(table["wait_p10_min"].min())
    assert heights.max() == pytest.approx(table["wait_p90_min"].max())


@pytest.mark.parametrize("peak", [0, 23])
def test_a_peak_at_midnight_stays_readable(peak):
    assert_readable(day(profile({"baseline": 70, "ome": 30}, peak=peak), BETTER))


def test_an_option_keeps_its_look_where_the_base_is_closed():
    figure = day(profile({"ome": 30}))
    assert figure.axes[0].get_lines()[-1].get_color() == LOOKS[1].color
    assert title(figure).startswith("Otay Mesa East opens: trucks at Otay Mesa† (standard lanes) wait 35 ± 2 min")


def test_three_lines_of_a_day_do_not_collide():
    figure = day(profile({"baseline": 70, "ome": 69, "moved": 30}), UNCLEAR, TWO_OPTIONS)
    assert "Otay Mesa East opens: no clear change; Opens, officers moved" in title(figure)
    assert "75 ± 4 min" in words(figure)
    assert "74 ± 4 min" not in words(figure)  # too close to the one above
    assert_readable(figure)


def test_options_that_change_nothing_by_design_are_said_once():
    figure = day(profile(dict.fromkeys(TWO_OPTIONS.scenarios, 70)), SAME, TWO_OPTIONS)
    assert title(figure) == "The wait of trucks at Otay Mesa† (standard lanes) is identical by design in every option"


def test_a_line_nobody_joins_is_an_error():
    with pytest.raises(ValueError, match="no weekday waits for otay-mesa, truck, standard"):
        day(profile({"baseline": 70}, closed=range(24)))


WEEKS = {"baseline": 70, "ome": 30}
MIXED = [BETTER, BETTER, UNCLEAR, SAME, BETTER, WORSE, WORSE]


FEWER = "wait less in 54 of 126 hours, above all on Mondays at 06:00 (by 36 ± 6 min)"


@pytest.mark.parametrize(
    ("of_days", "expected"),
    [
        ([BETTER] * 7, "wait less in 126 of 126 hours, above all on Mondays at 06:00 (by 36 ± 6 min)"),
        (MIXED, f"{FEWER} and more in 36, above all on Saturdays at 06:00 (by 4 ± 1 min)"),
        ([WORSE] * 7, "wait more in 126 of 126 hours, above all on Mondays at 06:00 (by 4 ± 1 min)"),
    ],
)
def test_title_of_weeks_counts_the_hours_that_change(of_days, expected):
    figure = heat(week(WEEKS), week_changes(of_days))
    assert title(figure) == f"Otay Mesa East opens: trucks at Otay Mesa† (standard lanes) {expected}"
    assert_readable(figure)


def test_title_of_weeks_names_the_surest_of_the_large_changes():
    changes = week_changes([BETTER] * 7)
    noisy = (changes["weekday"] == 2) & (changes["hour"] == 8)
    changes.loc[noisy, ["difference", "half_width"]] = [-50.0, 49.0]
    assert "above all on Mondays at 06:00 (by 36 ± 6 min)" in title(heat(week(WEEKS), changes))


def test_title_of_weeks_says_where_nothing_is_clear():
    figure = heat(week(WEEKS), week_changes([UNCLEAR] * 7))
    expected = "no clear change in the wait of trucks at Otay Mesa† (standard lanes) in any of 126 hours"
    assert title(figure) == f"Otay Mesa East opens: {expected}"
    assert_readable(figure)


def test_panels_of_weeks_show_waits_clear_changes_and_nothing_where_closed():
    figure = heat(week(WEEKS), week_changes(MIXED))
    found = panels(figure)
    scales = ["Mean wait (minutes)", "Change of the mean wait (minutes)"]
    assert list(found) == ["Today", "Otay Mesa East opens", *scales, "Change from Today"]
    (waits,) = cells(found["Today"])
    assert np.isnan(waits[:, :6]).all()
    assert waits[3, 15] == pytest.approx(75) == np.nanmax(waits)
    unclear, clear = cells(found["Change from Today"])
    assert (~np.isnan(unclear)).sum(axis=1).tolist() == [0, 0, 18, 18, 0, 0, 0]
    assert (clear[0, 6:] == -36).all()
    assert (clear[5, 6:] == 4).all()
    low, high = found["Change from Today"].collections[1].get_clim()
    assert low == -high == -36  # centred on zero
    assert {axes.collections[0].get_clim() for axes in figure.axes[:2]} == {(0, 75)}  # one scale for all


def test_weeks_are_read_without_colour():
    figure = heat(week(WEEKS), week_changes(MIXED))
    axes = panels(figure)["Change from Today"]
    marks = {
        line.get_marker(): {int(y) for y in line.get_ydata()} for line in axes.get_lines() if len(line.get_xdata())
    }
    assert marks == {".": {2, 3}, "+": {5, 6}}
    said = words(figure)
    for phrase in ("closed, or no one joins", "no clear change: 95% interval contains 0", "longer wait"):
        assert phrase in said
    mesh = panels(heat(week({"baseline": 70})))["Today"].collections[0]
    grey = mesh.cmap(np.linspace(0, 1, 20))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(grey) < 0).all()  # longer is darker


def test_weeks_page_has_units_definition_and_how_sure_an_hour_is():
    said = words(heat(week(WEEKS), week_changes(MIXED)))
    for phrase in (
        "Mean wait (minutes)",
        "Hour of joining the line",
        "Mon Tue Wed",
        "seed 20261",
        say("chart.assumed"),
    ):
        assert phrase in said
    assert "joining the line to start of primary" in said
    assert "The 95% interval of a single hour's mean is about ±4 min." in said
    assert "Changes are paired; where there is none, 1 hour in 20 still looks clear." in said


def test_a_week_alone_states_its_worst_hour_and_the_target():
    figure = heat(week({"baseline": 70}))
    worst = "Trucks at Otay Mesa† (standard lanes) wait longest on Thursdays at 15:00, 75 ± 4 min"
    over = int((week({"baseline": 70})["wait_mean_min"] > 24).sum())
    assert title(figure) == f"{worst}; clearly over the 20-minute target in {over} of 126 hours"
    assert "no clear change" not in words(figure)
    assert_readable(figure)
    assert title(heat(week({"baseline": 10}))).endswith("clearly over the 20-minute target in no hour")
    assert title(heat(week({"baseline": 70}, half_width=NAN))).endswith("Thursdays at 15:00, 75 min")


def test_a_port_of_the_option_only_has_its_week():
    figure = heat(week({"ome": 70}))
    assert title(figure).startswith("Otay Mesa East opens: trucks at Otay Mesa† (standard lanes) wait longest")
    assert list(panels(figure)) == ["Otay Mesa East opens", "Mean wait (minutes)"]


def test_a_week_that_is_identical_by_design_is_drawn_once():
    figure = heat(week(dict.fromkeys(WEEKS, 70)), week_changes([SAME] * 7))
    same = "the wait of trucks at Otay Mesa† (standard lanes) is identical by design in every hour"
    assert title(figure) == f"Otay Mesa East opens: {same}"
    assert list(panels(figure)) == ["Today", "Mean wait (minutes)"]
    assert_readable(figure)


def test_weeks_of_two_options_stand_side_by_side_and_a_third_is_named():
    titles = {**TWO_OPTIONS.scenarios, "third": "Opens with 8 lanes and a very long name that does not fit"}
    names = list(titles)
    for count in (2, 3):
        context = replace(CONTEXT, scenarios=dict(list(titles.items())[: count + 1]))
        table = week(dict.fromkeys(names, 70))
        figure = heat(table, week_changes(MIXED, names[1:]), context)
        assert "Otay Mesa East opens: shorter in 54, longer in 36 of 126 hours; Opens, officers" in title(figure)
        assert len([axes for axes in figure.axes if axes.get_title(loc="left") == "Change from Today"]) == 2
        assert ("Not drawn: Opens with 8 lanes" in words(figure)) == (count == 3)
        assert_readable(figure)


def test_a_week_without_a_closed_hour_and_without_change_has_no_key():
    figure = heat(week({"baseline": 70}, closed=()))
    assert not figure.legends
    assert_readable(figure)


def test_the_main_line_is_where_most_time_is_waited():
    ready = week({"baseline": 70}, ("san-ysidro", "vehicle", "ready"))
    busy = week({"baseline": 3}, ("san-ysidro", "vehicle", "sentri")).assign(arrivals_per_hour=90)
    new = week({"ome": 5}, ("otay-mesa-east", "vehicle", "ready"))
    found = main_lines(pd.concat([busy, ready, new], ignore_index=True), CONTEXT)
    assert found == [("san-ysidro", "vehicle", "ready"), ("otay-mesa-east", "vehicle", "ready")]


def test_a_week_nobody_joins_is_an_error():
    with pytest.raises(ValueError, match="no hourly waits for otay-mesa, truck, standard"):
        heat(week({"baseline": 70}, closed=range(24)))


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        ((10.0, 1.0), "shorter truck waits are worth $2.9M ± $0.3M of cargo a month by the trade rule†"),
        ((-10.0, 1.0), "longer truck waits cost $2.9M ± $0.3M of cargo a month by the trade rule†"),
        ((0.5, 1.0), "no clear change in cargo value (+$144k ± $287k a month by the trade rule†)"),
        ((30.0, 3.0), "by the trade rule†, extrapolated"),
        ((0.0, 0.0), "cargo value is identical by design, truck waits do not change"),
        ((75.0, 5.0), "no dollar total, the change of truck waits at Otay Mesa† is beyond the rule's reach"),
    ],
)
def test_title_of_cargo_states_the_total(saved, expected):
    table = cargo({"otay-mesa": saved, "calexico-east": (0.0, 0.0)})
    figure = charts.cargo_value_by_port(table, CONTEXT)
    assert title(figure).startswith("Otay Mesa East opens: ")
    assert title(figure).endswith(expected)
    assert_readable(figure)


def test_cargo_page_shows_the_arithmetic_the_region_and_the_unit():
    table = cargo({"otay-mesa": (10.0, 1.0), "tecate": (-0.8, 0.5), "calexico-east": (0.0, 0.0)})
    figure = charts.cargo_value_by_port(table, CONTEXT)
    said = words(figure)
    assert f"$26M a month {TIMES} minutes saved / 10 {TIMES} the port's share of US-Mexico truck imports" in said
    assert f"Otay Mesa: $26M {TIMES} 10.0 / 10 {TIMES} 11.05% = $2.9M." in said
    assert "Upper reading, the whole rule given to this region: +$20M ± $2M a month" in said
    assert "not a welfare benefit" in said
    assert "identical by design" in said
    assert figure.axes[0].get_xlabel() == "Cargo value gained (million US dollars a month)"
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "All ports†"


def test_a_blank_cell_has_no_mark_and_says_why():
    table = cargo({"otay-mesa": (75.0, 5.0), "calexico-east": (3.0, 1.0)})
    figure = charts.cargo_value_by_port(table, CONTEXT)
    said = words(figure)
    assert "no dollar figure" in said
    assert "(75 ± 5 min, beyond the rule's reach)" in said
    assert len(figure.axes[0].containers) == 2  # interval and range, of Calexico East alone


def test_two_options_of_cargo_do_not_collide():
    saved = {"otay-mesa": (70.0, 1.0), "tecate": (-0.8, 0.5), "calexico-east": (33.0, 4.0)}
    table = pd.concat([cargo(saved), cargo(dict.fromkeys(saved, (5.0, 1.0)), "moved")], ignore_index=True)
    figure = charts.cargo_value_by_port(table, TWO_OPTIONS)
    assert "Otay Mesa East opens: beyond the rule's reach" in title(figure)
    assert_readable(figure)


@pytest.mark.parametrize(
    ("mean", "half_width", "expected"),
    [
        (-36.2, 6.1, f"{MINUS}36 ± 6"),
        (3.4, 3.3, "+3.4 ± 3.3"),
        (0.123, 0.04, "+0.12 ± 0.04"),
        (-0.04, 0.3, "0.0 ± 0.3"),
        (0.5, 0.001, "+0.50 ± <0.01"),
        (12.3, NAN, "+12"),
        (0.0, 0.0, "0"),
        (12.3, 0.0, "+12.3 ± 0.0"),
    ],
)
def test_no_more_digits_than_the_interval_supports(mean, half_width, expected):
    assert plus_minus(Estimate(mean, half_width), signed=True) == expected


@pytest.mark.parametrize(
    ("mean", "half_width", "expected"),
    [
        (38_957, 802, "39,000 ± 800"),
        (-38_957, 98, "\u221238,960 ± 100"),
        (12.34, 0.5, "12.3 ± 0.5"),
        (1234.5, math.nan, "1,234"),
        (0, 0, "0"),
    ],
)
def test_large_quantities_are_told_to_the_first_digit_of_their_interval(mean, half_width, expected):
    assert large(Estimate(mean, half_width)) == expected


@pytest.mark.parametrize(
    ("mean", "half_width", "expected"),
    [
        (2_873_520, 310_000, "+$2.9M ± $0.3M"),
        (-5_000, 3_100, f"{MINUS}$5k ± $3k"),
        (960_000, 20_000, "+$0.96M ± $0.02M"),
        (2_873_520, NAN, "+$2.9M"),
        (0.0, 0.0, "$0"),
    ],
)
def test_dollars_in_a_unit_that_fits(mean, half_width, expected):
    assert dollars(Estimate(mean, half_width), signed=True) == expected


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [((57.3, 23.0), "57"), ((0.634, 0.02), "0.6"), ((12.3, NAN), "12"), ((0.0, 0.0), "0")],
)
def test_minutes_have_no_seconds(estimate, expected):
    assert minutes(Estimate(*estimate)) == expected
    assert decimals(estimate[1]) <= 2


def test_one_replication_has_no_interval_and_says_so():
    table = comparison({"ome": {"tecate": (-5.0, NAN, "no clear change")}})
    waits = summary({"baseline": {"tecate": (12.0, NAN)}, "ome": {"tecate": (7.0, NAN)}})
    said = words(charts.waits_by_port(waits, table, "truck", replace(CONTEXT, replications=1)))
    assert "1 replication of 4 weeks (one alone has no interval)" in said
    assert f"{MINUS}5 min, no interval" in said
    assert f"change most at Tecate ({MINUS}5 min; one replication: no interval)" in said
    assert "no clear change" not in said
    assert "95%" not in said


def test_one_replication_gives_no_verdict_on_any_chart():
    alone = replace(CONTEXT, replications=1)
    hours = profile({"baseline": 70, "ome": 30}, half_width=NAN)
    said = words(day(hours, (-36.0, NAN, "no clear change"), alone))
    assert f"changes by {MINUS}36 min (one replication: no interval)" in said
    changes = week_changes([(-5.0, NAN, "no clear change")] * 7)
    said = words(heat(week({"baseline": 70, "ome": 30}, half_width=NAN), changes, alone))
    assert "one replication: no interval" in said
    assert "no clear change" not in said
    assert "95%" not in said
    table = cargo({"otay-mesa": (20.0, NAN)})
    figure = charts.cargo_value_by_port(table, alone)
    assert "one replication: no interval" in words(figure)
    assert_readable(figure)


def lanes(changes, port="tecate"):
    """Rows of comparison.csv of one port: all together and its lane types."""
    return pd.concat([comparison({"ome": {port: change}}, lane_type=lane) for lane, change in changes.items()])


def test_waits_by_port_say_what_lane_types_they_hide():
    table = lanes({"all": UNCLEAR, "general": WORSE, "ready": BETTER, "sentri": UNCLEAR})
    figure = charts.waits_by_port(summary({"baseline": THREE, "ome": THREE}), table, "truck", CONTEXT)
    expected = f"By lane type at Tecate: general +4 ± 1 min, Ready {MINUS}36 ± 6 min, SENTRI {MINUS}1 ± 2 min (no clear"
    assert expected in words(figure)
    assert_readable(figure)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"all": UNCLEAR, "general": UNCLEAR, "ready": SAME}, False),
        ({"all": BETTER, "general": BETTER, "ready": SAME}, False),
        ({"all": BETTER, "general": BETTER, "ready": WORSE}, True),
        ({"all": UNCLEAR, "general": UNCLEAR, "ready": WORSE}, True),
        ({"all": WORSE, "general": WORSE}, False),
    ],
)
def test_lane_types_are_shown_where_all_together_hide_them(changes, shown):
    assert bool(hidden_lanes(lanes(changes), "ome", "tecate", "truck")) == shown


@pytest.mark.parametrize(
    ("saved", "none"), [((0.0, 0.0), True), ((0.0, NAN), True), ((0.0, 1.0), False), ((-1.0, NAN), False)]
)
def test_no_truck_change_leaves_nothing_to_draw(saved, none):
    table = pd.DataFrame(
        [("border", 0.0, 0.0), ("border", *saved)], columns=["scope", "minutes_saved", "minutes_saved_hw"]
    )
    assert no_truck_change(table) == none


def test_a_very_long_title_and_source_stay_on_the_page():
    long = "A very long name of an option that a planner wrote on a Friday afternoon, with everything in it"
    context = replace(CONTEXT, scenarios={"baseline": "Today", "ome": long}, source="a source, and another; " * 12)
    table = comparison({"ome": dict(zip(THREE, (BETTER, WORSE, SAME), strict=True))})
    assert_readable(charts.waits_by_port(summary({"baseline": THREE, "ome": THREE}), table, "truck", context))


def test_the_same_figure_is_the_same_file_whatever_the_readers_settings(tmp_path):
    digests = []
    for name, size in (("one", 10), ("two", 30)):
        with mpl.rc_context({"font.size": size, "axes.facecolor": "red", "svg.hashsalt": name}):
            paths = charts.save(trucks(BETTER, UNCLEAR, SAME), tmp_path / name)
        assert [path.suffix for path in paths] == [".png", ".svg"]
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]
    assert "<dc:date>" not in paths[1].read_text(encoding="utf-8")


def test_charts_leave_matplotlibs_settings_alone():
    before = dict(mpl.rcParams)
    trucks(BETTER, UNCLEAR, SAME)
    assert dict(mpl.rcParams) == before


# --- what drives a value -----------------------------------------------------------------------


def drivers(*rows, of="npv"):
    """Return tornado.csv of one option: label, class, worth at low and high, of 100 million as it is."""
    columns = ["label", "class", "usd_at_low", "usd_at_high"]
    table = pd.DataFrame(rows, columns=columns)
    front = {"base": "baseline", "option": "ome", "of": of, "parameter": table["label"], "unit": "USD per person-hour"}
    return table.assign(**front, low_value=5.0, high_value=21.8, value=21.8, usd_at_value=1e8, note="")


def test_a_tornado_starts_at_the_worth_and_hatches_what_is_assumed():
    table = drivers(("value of time", "published", 4e7, 1e8), ("operating cost", "assumed", 1.2e8, 9e7))
    figure = charts.tornado(table, "ome", CONTEXT)
    bars = [patch for patch in figure.axes[-1].patches if patch.get_height() == pytest.approx(0.62)]
    ends = sorted((bar.get_x() + bar.get_width(), bar.get_hatch()) for bar in bars)
    assert [end for end, _ in ends] == pytest.approx([40, 90, 100, 120])
    assert [bool(hatch) for _, hatch in ends] == [False, True, False, True]
    said = " ".join(text.get_text() for text in texts(figure))
    assert "5 to 21.8 $ a person-hour" in said
    assert "value of time moves the net present value most" in said.replace("\n", " ")


def test_a_tornado_says_what_alone_turns_the_sign():
    table = drivers(("value of time", "published", -4e7, 1e8))
    assert "value of time alone can turn its sign" in charts.finding(charts.tornado(table, "ome", CONTEXT))
    table = drivers(("demand", "assumed", 4e7, 1e8), of="welfare_per_year")
    assert "yearly welfare most; none alone" in charts.finding(charts.tornado(table, "ome", CONTEXT))


def test_a_tornado_of_a_worth_on_an_assumed_wait_is_marked():
    table = drivers(("value of time", "published", 4e7, 1e8))
    plain, marked = (charts.tornado(t, "ome", CONTEXT) for t in (table, table.assign(note="assumed wait")))
    assert "†" not in words(plain)
    assert "† rests on an assumed wait" in words(marked)
    assert marked.axes[-1].get_xlabel().startswith("Net present value† (")


def test_a_tornado_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no figure moves what moved is worth"):
        charts.tornado(drivers(("x", "assumed", 1e8, 2e8)), "moved", TWO_OPTIONS)
