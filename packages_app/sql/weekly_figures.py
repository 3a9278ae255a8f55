"""The figures of one week at some locations, counted and kept in one statement."""

from __future__ import annotations

from packages_app.life.lifecycle import Event

# A week that was counted before stays as it is, so that two counts at once make one row of each.
COUNT = f"""
INSERT INTO packages_app_weekatlocation
    (location_id, week, deposits, pickups, half_within, expired, returned, average_use, peak_use, faults,
     downtimes, down_for, dead_messages)
WITH dead AS MATERIALIZED (
    SELECT CASE WHEN subject LIKE 'package:%%' THEN substring(subject FROM 9)::uuid END AS package_id
    FROM notifications_notification
    WHERE status IN ('dead', 'bounced') AND created_at >= %(begins)s AND created_at < %(ends)s
)
SELECT place.id, %(week)s, custody.deposits, greatest(custody.pickups, 0), custody.half_within,
       custody.expired, custody.returned, usage.average, usage.peak, faults.count, down.count,
       coalesce(down.time, interval '0'),
       (SELECT count(*) FROM dead JOIN packages_app_package package ON package.id = dead.package_id
        WHERE package.location_id = place.id)
FROM lockers_location place
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE line.event IN ('{Event.DEPOSITED}', '{Event.FOUND}')) AS deposits,
           count(*) FILTER (WHERE line.event = '{Event.RETRIEVED}')
               - count(*) FILTER (WHERE line.event = '{Event.DOOR_FAILED}') AS pickups,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY package.retrieved_at - package.stored_at)
               FILTER (WHERE line.event = '{Event.RETRIEVED}' AND package.retrieved_at IS NOT NULL)
               AS half_within,
           count(*) FILTER (WHERE line.event = '{Event.EXPIRED}') AS expired,
           count(*) FILTER (WHERE line.event IN ('{Event.RETURNED}', '{Event.FOUND_TAKEN_OUT}')) AS returned
    FROM packages_app_package package
    JOIN packages_app_packageevent line ON line.package_id = package.id
    WHERE package.location_id = place.id
      AND package.created_at >= %(brought_from)s AND package.created_at < %(ends)s
      AND line.at >= %(begins)s AND line.at < %(ends)s
) custody
CROSS JOIN LATERAL (
    SELECT avg(share) AS average, max(share) AS peak FROM (
        SELECT sum(occupied + reserved)::float / nullif(sum(total), 0) AS share
        FROM lockers_usagesnapshot
        WHERE location_id = place.id AND hour >= %(begins)s AND hour < %(ends)s GROUP BY hour
    ) hours
) usage
CROSS JOIN LATERAL (
    SELECT count(*) FROM lockers_compartment door
    JOIN lockers_compartmentevent line ON line.compartment_id = door.id
    WHERE door.location_id = place.id AND line.kind = 'taken_out'
      AND line.at >= %(begins)s AND line.at < %(ends)s
) faults
CROSS JOIN LATERAL (
    SELECT count(*),
           sum(least(coalesce(ended_at, %(ends)s), %(ends)s) - greatest(began_at, %(begins)s)) AS time
    FROM lockers_downtime
    WHERE location_id = place.id AND began_at < %(ends)s AND coalesce(ended_at, %(ends)s) > %(begins)s
) down
WHERE place.id = ANY(%(location_ids)s)
ON CONFLICT (location_id, week) DO NOTHING
RETURNING 1
"""
