"""Record how a run of a scheduled job goes."""

from __future__ import annotations

# A crash of the server may lose the last update, which costs nothing: the next run writes it again.
STARTED = """
WITH no_wait AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO lockerportal_scheduledjob (name, started_at) SELECT %(name)s, clock_timestamp() FROM no_wait
ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at
"""
DONE = """
WITH no_wait AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE lockerportal_scheduledjob
SET finished_at = clock_timestamp(), seconds = %(seconds)s, count = %(count)s::int, failures_in_row = 0,
    worked_at = CASE WHEN %(count)s::int > 0 THEN clock_timestamp() ELSE worked_at END,
    worked_count = CASE WHEN %(count)s::int > 0 THEN %(count)s::int ELSE worked_count END
FROM no_wait WHERE name = %(name)s
"""
FAILED = """
WITH no_wait AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE lockerportal_scheduledjob
SET finished_at = clock_timestamp(), seconds = %(seconds)s, count = NULL,
    failures_in_row = failures_in_row + 1, failed_at = clock_timestamp(), last_error = %(error)s::text,
    failures = jsonb_path_query_array(
        jsonb_build_array(jsonb_build_object('at', clock_timestamp(), 'error', %(error)s::text)) || failures,
        '$[0 to 9]'
    )
FROM no_wait WHERE name = %(name)s
"""
