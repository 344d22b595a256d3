// How long a drive takes, by the rule that the server has where no service is asked: the great circle, a road factor,
// the speed of the hour in which one leaves, and the time to park and find the door.
import type { BoardData, Point, Technician, Visit } from "./types";

const EARTH_RADIUS = 6_371_008.8;
const SECOND = 1_000_000;

/** A drive that ends when a visit begins. `tight`: there is less time for it than it takes. */
export interface Drive {
  visit: string;
  start: number;
  end: number;
  minutes: number;
  tight: boolean;
}

function metres(one: Point, other: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [south, north] = [radians(one[0]), radians(other[0])];
  const chord =
    Math.sin((north - south) / 2) ** 2 +
    Math.cos(south) * Math.cos(north) * Math.sin(radians(other[1] - one[1]) / 2) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(chord)));
}

let hours: Intl.DateTimeFormat | null = null;

function hourOf(data: BoardData, at: number): number {
  if (hours?.resolvedOptions().timeZone !== data.timeZone)
    hours = new Intl.DateTimeFormat("en-GB", { hour: "numeric", hourCycle: "h23", timeZone: data.timeZone });
  return Number(hours.format(at / 1000));
}

/** Microseconds from one place to the other for who leaves then; null where a place is not known. */
export function tripOf(data: BoardData, from: Point | null, to: Point | null, leaving: number): number | null {
  if (!from || !to) return null;
  const far = metres(from, to) * data.travel.roadFactor;
  if (!far) return 0;
  return (Math.round((far * 3.6) / data.travel.speeds[hourOf(data, leaving)]!) + data.travel.trip) * SECOND;
}

/** The drives of a technician's day: from home to the first visit, and from each to the next. */
export function drivesOf(data: BoardData, technician: Technician, visits: Visit[]): Drive[] {
  const found: Drive[] = [];
  const inOrder = [...visits].sort((one, other) => one.start - other.start);
  inOrder.forEach((visit, number) => {
    const before = inOrder[number - 1];
    const sameDay = before && !data.midnights.some((at) => at > before.start && at <= visit.start);
    const from = sameDay ? before.place : technician.home;
    const trip = tripOf(data, from, visit.place, sameDay ? before.end : visit.start);
    if (!trip) return;
    const tight = Boolean(sameDay) && before!.end + trip > visit.start;
    found.push({ visit: visit.id, start: visit.start - trip, end: visit.start, minutes: Math.ceil(trip / (60 * SECOND)), tight });
  });
  return found;
}
