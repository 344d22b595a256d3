// What a drop would break, told at once while something is dragged. The server decides by the same rules when it is
// dropped; `hard` are those that it refuses.
import { tripOf } from "./travel";
import type { BoardData, Dragged, Technician } from "./types";

export interface Finding {
  text: string;
  value: string;
  hard: boolean;
}

export function judge(data: BoardData, dragged: Dragged, technician: Technician | null, start: number): Finding[] {
  const end = start + dragged.length;
  const found: Finding[] = [];
  const add = (text: string, hard: boolean, value = "") => found.push({ text, value, hard });
  const moved = !dragged.visit || start !== dragged.visit.start;
  if (moved && start <= data.now) add("in the past", true);
  if (!technician) return found;
  if (!technician.stores.includes(dragged.store)) add("does not work for this store", true);
  const lacking = dragged.skills.filter((one) => !technician.skills.includes(one));
  if (lacking.length) add("lacks %s", true, lacking.join(", "));
  if (dragged.location && !technician.locations.includes(dragged.location)) add("does not do this kind of visit", true);
  if (!covers(technician.hours, start, end)) add("outside working hours", true);
  const away = technician.absences.find(([from, until]) => from < end && until > start);
  if (away) add("away: %s", true, away[2]);
  const clash = closest(data, dragged, technician.id, start, end);
  if (clash) add(clash, false);
  else if (hurries(data, dragged, technician, start, end)) add("no time to drive there", false);
  return found;
}

/** Whether the drive from the visit before, or to the one after, takes longer than there is. */
function hurries(data: BoardData, dragged: Dragged, technician: Technician, start: number, end: number): boolean {
  const others = data.visits.filter(
    (one) => one.status !== "CANCELLED" && one.id !== dragged.visit?.id && one.technicians.includes(technician.id),
  );
  return others.some((one) => {
    const before = one.end <= start;
    const leaving = before ? one.end : end;
    const trip = before ? tripOf(data, one.place, dragged.place, leaving) : tripOf(data, dragged.place, one.place, leaving);
    return trip !== null && leaving + trip > (before ? start : one.start);
  });
}

/** Whether neighbouring stretches cover the whole of it: hours may change their capacity in the middle of a day. */
function covers(hours: [number, number][], start: number, end: number): boolean {
  let until = start;
  for (const [from, to] of hours) if (from <= until && to > until) until = to;
  return until >= end;
}

function closest(data: BoardData, dragged: Dragged, technician: string, start: number, end: number): string {
  let found = "";
  for (const other of data.visits) {
    if (other.status !== "ACTIVE" || other.id === dragged.visit?.id || !other.technicians.includes(technician)) continue;
    if (other.start < end && other.end > start) return "overlaps another visit";
    // The gap between two visits is the longer of what one needs after and the other before.
    const before = dragged.visit?.before ?? other.before;
    const after = dragged.visit?.after ?? other.after;
    const tooClose =
      other.end <= start ? start - other.end < Math.max(other.after, before) : other.start - end < Math.max(after, other.before);
    if (tooClose) found = "too close to another visit";
  }
  return found;
}
