// What the server sends a board. Times are microseconds since the epoch, pairs are half-open.

export type Span = [number, number];
/** Latitude and longitude, in degrees. */
export type Point = [number, number];

export interface Technician {
  id: string;
  name: string;
  stores: string[];
  skills: string[];
  locations: string[];
  hours: Span[];
  absences: [number, number, string][];
  home: Point | null;
}

export interface Visit {
  id: string;
  job: string;
  version: number;
  store: string;
  status: string;
  start: number;
  end: number;
  before: number;
  after: number;
  arrival: Span | null;
  worked: Span | null;
  title: string;
  skills: string[];
  location: string;
  late: boolean;
  technicians: string[];
  overbooked: string[];
  place: Point | null;
  pinned: boolean;
}

export interface Waiting {
  job: string;
  version: number;
  store: string;
  status: string;
  title: string;
  buyer: string;
  place: string;
  at: Point | null;
  ago: string;
}

export interface BoardData {
  now: number;
  window: Span;
  hours: Span;
  midnights: number[];
  ticks: [number, string][];
  days: [number, string][];
  zone: string;
  timeZone: string;
  locale: string;
  stores: { id: string; name: string }[];
  technicians: Technician[];
  visits: Visit[];
  waiting: Waiting[];
  /** Seconds for each trip, km/h by the hour of departure. */
  travel: { roadFactor: number; speeds: number[]; trip: number };
  mayChange: boolean;
  texts: Record<string, string>;
  paths: Record<"data" | "place" | "unplace" | "pin" | "prospects" | "jobs" | "live", string>;
}

/** What is picked up: a visit, or a job that waits (then `visit` is null and `start` 0). */
export interface Dragged {
  job: string;
  version: number;
  visit: Visit | null;
  from: string;
  length: number;
  start: number;
  store: string;
  skills: string[];
  location: string;
  place: Point | null;
}
