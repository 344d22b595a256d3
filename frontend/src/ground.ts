// What maps of routes lie on: MapLibre draws tiles, and the drawing that the page came with follows its moves. Loaded
// when such a map comes into view, and only where the server was told of tiles.
import { type LngLatLike, LngLatBounds, Map, NavigationControl, ScaleControl, type StyleSpecification, setWorkerUrl } from "maplibre-gl";
import "./ground.css";

const dark = matchMedia("(prefers-color-scheme: dark)");
const MARGIN = 40;

// Maps beside each other move together.
const pairs = new WeakMap<Element, Map[]>();
let following = false;

type At = [number, number];
const at = (text: string): At => text.split(",").map(Number) as At;

/** Picture tiles are turned light to dark for whoever reads so; a style is shown as it is. */
const tint = () => (dark.matches ? { "raster-brightness-min": 0.85, "raster-brightness-max": 0.1, "raster-hue-rotate": 180, "raster-saturation": -0.4 } : { "raster-brightness-min": 0, "raster-brightness-max": 1, "raster-hue-rotate": 0, "raster-saturation": -0.35 });

function styleOf(url: string, attribution: string): string | StyleSpecification {
  if (!url.includes("{z}")) return url;
  return {
    version: 8,
    sources: { ground: { type: "raster", tiles: [url], tileSize: 256, maxzoom: 19, attribution: new Option(attribution).innerHTML } },
    layers: [{ id: "ground", type: "raster", source: "ground", paint: { "raster-fade-duration": 0, ...tint() } }],
  };
}

/** Lay the figure's drawing on tiles. Where the browser cannot draw them, it stays as it is. */
export function lay(figure: HTMLElement): void {
  const told = figure.dataset;
  const svg = figure.querySelector("svg")!;
  const ways = [...svg.querySelectorAll<SVGPolylineElement>("[data-way]")].map((line): [SVGPolylineElement, At[]] => [line, line.dataset.way!.trim().split(" ").filter(Boolean).map(at)]);
  const dots = [...svg.querySelectorAll<SVGGElement>("[data-at]")].map((dot): [SVGGElement, At] => [dot, at(dot.dataset.at!)]);
  const pair = figure.closest(".pair");
  const bounds = new LngLatBounds();
  for (const one of (pair ?? figure).querySelectorAll<SVGElement>("[data-at], [data-way]"))
    for (const place of (one.dataset.at ?? one.dataset.way)!.trim().split(" ").filter(Boolean)) bounds.extend(at(place) as LngLatLike);

  if (!document.querySelector(`link[href="${told.sheet}"]`)) document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: told.sheet! }));
  setWorkerUrl(told.worker!);
  const under = document.createElement("div");
  under.className = "ground";
  svg.before(under);
  svg.parentElement!.classList.add("laid");
  let map: Map;
  try {
    map = new Map({
      container: under,
      style: styleOf(told.style!, told.attribution ?? ""),
      bounds,
      fitBoundsOptions: { padding: MARGIN, maxZoom: 15 },
      // The wheel scrolls the page; who wants to be closer presses + or clicks twice.
      scrollZoom: false,
      // One finger scrolls it, too; two move the map.
      dragPan: !matchMedia("(pointer: coarse)").matches,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      attributionControl: { compact: false },
      locale: { "Map.Title": told.label!, "NavigationControl.ZoomIn": told.closer!, "NavigationControl.ZoomOut": told.farther! },
    });
  } catch (fault) {
    console.warn("No tiles under the map:", fault);
    under.remove();
    svg.parentElement!.classList.remove("laid");
    return;
  }
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");

  const follow = () => {
    svg.setAttribute("viewBox", `0 0 ${under.clientWidth} ${under.clientHeight}`);
    const onPage = (place: At) => map.project(place as LngLatLike);
    for (const [line, way] of ways) line.setAttribute("points", way.map(onPage).map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
    for (const [dot, place] of dots) {
      const { x, y } = onPage(place);
      dot.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    }
  };
  follow();
  map.on("move", follow);
  map.on("resize", follow);
  if (pair) {
    const together = pairs.get(pair) ?? [];
    pairs.set(pair, [...together, map]);
    map.on("move", () => {
      if (following) return;
      following = true;
      for (const other of pairs.get(pair) ?? []) if (other !== map) other.jumpTo({ center: map.getCenter(), zoom: map.getZoom() });
      following = false;
    });
  }
  map.once("idle", () => (figure.dataset.laid = "true"));
  map.on("error", () => {
    if (figure.querySelector(".note")) return;
    figure.append(Object.assign(document.createElement("p"), { className: "note", textContent: told.away!, role: "status" }));
  });
  dark.addEventListener("change", () => {
    if (map.getLayer("ground")) for (const [name, value] of Object.entries(tint())) map.setPaintProperty("ground", name as "raster-saturation", value);
  });
}
