"""What delegates are told at the events of many packages at once, as `Delegate.tell` does it for one."""

# ruff: noqa: S608 - every part of this statement is a constant

from __future__ import annotations

from packages_app.life.lifecycle import DEFAULT_PRIORITY, PRIORITY


def rows_sql(kind: str, *, where: str = "true") -> str:
    """The outbox's rows of `kind`, after the lines in the CTE `history`, to whom `where` allows.

    The recipient is told the same at these events.
    """
    return f"""
    SELECT '{kind}', channel.name, 'package:' || history.package_id,
           '{kind}:' || history.id || ':' || channel.name, {PRIORITY.get(kind, DEFAULT_PRIORITY)}, '',
           jsonb_build_object('delegate', delegate.id, 'like_recipient', true)
    FROM history
    JOIN packages_app_delegate delegate
      ON delegate.package_id = history.package_id AND delegate.withdrawn_at IS NULL
    CROSS JOIN LATERAL (VALUES ('email', delegate.email), ('sms', delegate.phone)) channel (name, address)
    WHERE channel.address <> '' AND {where}
"""
