"""Jobs as operators look for them: across marketplaces, the oldest order first."""

from collections.abc import Sequence

from fieldserve.store.engine import Connection, placeholders


async def page(
    c: Connection,
    seller_id: str,
    *,
    statuses: Sequence[str] = (),
    store_id: str | None = None,
    after: str | None = None,
    limit: int,
) -> Sequence[tuple[str, bytes]]:
    """Ids and documents of jobs in the order in which they came in, those behind the job `after`.

    An unknown `after` has nothing behind it."""
    where = ["seller_id = $1"]
    values: list[str | int] = [seller_id]
    if statuses:
        where.append(f"status IN ({placeholders(statuses, after=len(values))})")
        values.extend(statuses)
    if store_id is not None:
        values.append(store_id)
        where.append(f"store_id = ${len(values)}")
    if after is not None:
        values.append(after)
        where.append(
            "(created_at, service_job_id) > (SELECT created_at, service_job_id FROM jobs"
            f" WHERE seller_id = $1 AND service_job_id = ${len(values)})"
        )
    values.append(limit)
    rows = await c.fetch(
        f"SELECT service_job_id, document FROM jobs WHERE {' AND '.join(where)}"
        f" ORDER BY created_at, service_job_id LIMIT ${len(values)}",
        *values,
    )
    return [(row[0], row[1].encode()) for row in rows]
