"""The answers kept under Idempotency-Keys: most calls write one, so each is one statement."""

from __future__ import annotations

# Waits for another request that has the same key and has not committed; no row when that one has.
KEEP = """
INSERT INTO packages_app_idempotencykey (courier_id, key, fingerprint, status, body)
VALUES (%(courier_id)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s)
ON CONFLICT DO NOTHING RETURNING 1
"""

READ = """
SELECT fingerprint, status, body FROM packages_app_idempotencykey
WHERE courier_id = %(courier_id)s AND key = %(key)s
"""

# Steps over rows that another purge has locked.
PURGE = """
WITH old AS MATERIALIZED (
    SELECT courier_id, key FROM packages_app_idempotencykey
    WHERE created_at < %(before)s ORDER BY created_at LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM packages_app_idempotencykey kept USING old
    WHERE kept.courier_id = old.courier_id AND kept.key = old.key
    RETURNING 1
)
SELECT count(*) AS gone FROM gone
"""

# An answer that a statement keeps as its last act, with the compartment's columns, which only the statement
# knows; `Receipt.earlier` puts them into the body. `{compartment}` is the name of a CTE with the id of the
# compartment.
KEEP_WITH_COMPARTMENT = """
INSERT INTO packages_app_idempotencykey (courier_id, key, fingerprint, status, body)
SELECT %(courier_id)s, %(key)s, %(fingerprint)s, 201,
       json_build_object('answer', %(answer)s::json, 'compartment',
                         json_build_array(compartment.id, locker.name, compartment.label, compartment.size))
FROM {compartment} claimed
JOIN lockers_compartment compartment ON compartment.id = claimed.id
JOIN lockers_locker locker ON locker.id = compartment.locker_id
ON CONFLICT DO NOTHING RETURNING true AS done
"""
