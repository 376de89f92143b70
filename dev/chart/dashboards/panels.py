"""How panels look: one function for each kind. Neighbours: `fleet`, `modeldeployment` use them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import Dashboard as Built
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef("prometheus", "${datasource}")
WIDTH = 24  # of a row of panels
Panel = Stat | Table | TimeSeries
GREEN, RED = "green", "red"


@dataclass(frozen=True)
class Ask:
    """A query, and what its series are called."""

    expr: str
    called: str = "__auto"


def lines(
    title: str,
    words: str,
    unit: str,
    *asks: Ask,
    width: int = 12,
    stacked: bool = False,
    least: float | None = 0,
    limit: float | None = None,
) -> TimeSeries:
    """Return a plot over time. `limit` is drawn in; a series called threshold is dashed."""
    panel = (
        TimeSeries()
        .title(title)
        .description(words)
        .datasource(PROMETHEUS)
        .unit(unit)
        .height(8)
        .span(width)
        .fill_opacity(60 if stacked else 8)
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .override_by_regexp(
            "/threshold/",
            [
                DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
                DynamicConfigValue("color", {"mode": "fixed", "fixedColor": RED}),
                DynamicConfigValue("custom.fillOpacity", 0),
            ],
        )
    )
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if least is not None:
        panel = panel.min(least)
    if limit is not None:
        panel = panel.thresholds(_steps((None, GREEN), (limit, RED))).thresholds_style(
            GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    for target in _targets(asks):
        panel = panel.with_target(target)
    return panel


def number(
    title: str,
    words: str,
    unit: str,
    *asks: Ask,
    width: int = 4,
    wrong_from: float | None = None,
    none: str = "0",
) -> Stat:
    """Return one number for each series; red from `wrong_from` on."""
    steps = [(None, GREEN)] if wrong_from is None else [(None, GREEN), (wrong_from, RED)]
    panel = (
        Stat()
        .title(title)
        .description(words)
        .datasource(PROMETHEUS)
        .unit(unit)
        .no_value(none)
        .height(4)
        .span(width)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(_steps(*steps))
    )
    for target in _targets(asks, instant=True):
        panel = panel.with_target(target)
    return panel


def table(title: str, words: str, ask: Ask, columns: Sequence[str], width: int = 12) -> Table:
    """Return the labels of each series as a row; `columns` in this order, and no others."""
    hidden = {"Time": True, "Value": True}
    organize = DataTransformerConfig(
        "organize",
        options={
            "excludeByName": hidden,
            "indexByName": {name: place for place, name in enumerate(columns)},
            "renameByName": {},
        },
    )
    return (
        Table()
        .title(title)
        .description(words)
        .datasource(PROMETHEUS)
        .height(8)
        .span(width)
        .with_target(_target(ask, "A").instant().format(PromQueryFormat.TABLE))
        .with_transformation(organize)
        .override_by_name(
            "model_deployment",
            [
                DynamicConfigValue(
                    "links",
                    [
                        {
                            "title": "its own dashboard",
                            "url": "/d/transit-modeldeployment"
                            "?var-model_deployment=${__value.text}&${__url_time_range}",
                        }
                    ],
                )
            ],
        )
    )


def variable(name: str, label: str, query: str, *, all_of_them: bool = False) -> QueryVariable:
    """Return a choice among the values of a label."""
    made = (
        QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    return made.include_all(True).multi(True).all_value(".+") if all_of_them else made


def dashboard(
    uid: str,
    title: str,
    words: str,
    variables: Iterable[QueryVariable],
    rows: Iterable[tuple[str, Sequence[Panel]]],
) -> Built:
    """Return a dashboard of rows of panels."""
    made = (
        Dashboard(title)
        .uid(uid)
        .description(words)
        .tags(["transit"])
        .readonly()
        .time("now-1h", "now")
        .refresh("10s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for one in variables:
        made = made.with_variable(one)
    ids = count(1)
    for name, panels in rows:
        made = made.with_row(Row(name).id(next(ids)))
        for panel in panels:
            made = made.with_panel(panel.id(next(ids)))
    return made.build()


def _targets(asks: Sequence[Ask], *, instant: bool = False) -> list[Dataquery]:
    made = [_target(ask, chr(ord("A") + place)) for place, ask in enumerate(asks)]
    return [one.instant() if instant else one.range() for one in made]


def _target(ask: Ask, name: str) -> Dataquery:
    return Dataquery().datasource(PROMETHEUS).expr(ask.expr).legend_format(ask.called).ref_id(name)


def _steps(*steps: tuple[float | None, str]) -> ThresholdsConfig:
    marks = [Threshold(value=value, color=color) for value, color in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)
