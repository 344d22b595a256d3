// Draws the charts of a page: what to draw stands in the page as JSON, beside a table that says the same.
import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, use, type EChartsCoreOption, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, HeatmapChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

interface Series {
  name: string;
  values: (number | null)[];
  goal?: number;
}

interface Chart {
  id: string;
  kind: "lines" | "bars" | "heat" | "band";
  unit: "%" | "";
  labels: string[];
  series: Series[];
  /** heat: what the rows are called, and cells as [column, row, value]. */
  rows?: string[];
  cells?: [number, number, number][];
}

const charts = JSON.parse(document.getElementById("charts")?.textContent ?? "[]") as Chart[];
const drawn: [Chart, EChartsType][] = [];
const locale = document.documentElement.lang;
const shown = (unit: string) => (value: unknown) =>
  typeof value !== "number" ? "–" : unit === "%" ? value.toLocaleString(locale, { style: "percent", maximumFractionDigits: 1 }) : value.toLocaleString(locale, { maximumFractionDigits: 1 });

/** Colours come from the page, so that a chart is light or dark as it is. */
function colour(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function optionOf(chart: Chart): EChartsCoreOption {
  const [ink, quiet, line, act] = [colour("ink"), colour("quiet"), colour("line"), colour("act")];
  const [good, warn, bad] = [colour("good"), colour("warn"), colour("bad")];
  const axis = { axisLine: { lineStyle: { color: line } }, axisLabel: { color: quiet }, splitLine: { lineStyle: { color: line } } };
  const common = {
    animation: false,
    color: [act, good, warn, bad, quiet],
    textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
    // As a drawing, not as a piece of page: the page allows no styles in its text.
    tooltip: { trigger: chart.kind === "heat" ? "item" : "axis", renderMode: "richText", valueFormatter: shown(chart.unit), confine: true },
    legend: { textStyle: { color: ink }, type: "scroll", top: 0 },
    grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true },
  };
  if (chart.kind === "heat") {
    const most = Math.max(1, ...(chart.cells ?? []).map((cell) => cell[2]));
    return {
      ...common,
      legend: undefined,
      grid: { ...common.grid, top: 8, bottom: 48 },
      xAxis: { type: "category", data: chart.labels, ...axis },
      yAxis: { type: "category", data: chart.rows, inverse: true, ...axis },
      visualMap: { min: 0, max: most, orient: "horizontal", left: "center", bottom: 0, calculable: false, textStyle: { color: quiet }, inRange: { color: [colour("ground"), act] } },
      series: [{ type: "heatmap", data: chart.cells, name: chart.series[0]?.name, itemStyle: { borderColor: colour("sheet"), borderWidth: 1 } }],
    };
  }
  const [low, high] = [chart.series[2], chart.series[3]];
  const plain = chart.kind === "band" ? chart.series.slice(0, 2) : chart.series;
  const series: object[] = plain.map((one) => ({
    type: chart.kind === "bars" ? "bar" : "line",
    stack: chart.kind === "bars" ? "all" : undefined,
    name: one.name,
    data: one.values,
    symbolSize: 5,
    markLine: one.goal === undefined ? undefined : { silent: true, symbol: "none", label: { show: false }, lineStyle: { type: "dashed", color: bad }, data: [{ yAxis: one.goal }] },
  }));
  if (chart.kind === "band" && low && high) {
    const hidden = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, tooltip: { show: false } };
    series.push({ ...hidden, name: low.name, data: low.values });
    series.push({ ...hidden, name: high.name, data: high.values.map((value, at) => (value === null ? null : value - (low.values[at] ?? 0))), areaStyle: { color: act, opacity: 0.18 } });
  }
  return {
    ...common,
    legend: { ...common.legend, data: plain.map((one) => one.name) },
    // Few labels are all said, in lines of their own where they are long.
    xAxis: { type: "category", data: chart.labels, ...axis, axisLabel: chart.labels.length > 8 ? axis.axisLabel : { ...axis.axisLabel, interval: 0, width: 110, overflow: "break", lineHeight: 14 } },
    yAxis: { type: "value", ...axis, axisLabel: { color: quiet, formatter: shown(chart.unit) } },
    series,
  };
}

function draw(): void {
  for (const chart of charts) {
    const place = document.getElementById(chart.id);
    if (!place) continue;
    const made = init(place);
    made.setOption(optionOf(chart));
    drawn.push([chart, made]);
  }
}

draw();
new ResizeObserver(() => drawn.forEach(([, one]) => one.resize())).observe(document.getElementById("content")!);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(([chart, one]) => one.setOption(optionOf(chart), true)));

// A slider says what it stands at.
for (const slider of document.querySelectorAll<HTMLInputElement>("input[type=range]")) {
  const told = document.querySelector<HTMLOutputElement>(`output[for="${slider.id}"]`);
  slider.addEventListener("input", () => told && (told.textContent = slider.value));
}
