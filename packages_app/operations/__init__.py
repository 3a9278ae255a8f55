"""Everything that can happen to a package, and what goes with it: one module each, with one public function.

That function has the module's name and is an `Operation` or a `Sweep`: `common/operation.py` says what they
have in common. An operation writes the package, its compartment, its history and its messages together.

Locks are taken in one order: kiosk, queue entry, package, compartment; location before package.
An operation calls another one as `other.work(…)`, inside its own transaction; what several share that is no
operation by itself is in `rules/`. A sweep calls operations, each in a transaction of its own.
"""

from packages_app.operations.couriers.notice_sms_caps_due import notice_sms_caps_due
from packages_app.operations.couriers.resend_sms import resend_sms
from packages_app.operations.keys.create_key import create_key
from packages_app.operations.keys.limit_key import limit_key
from packages_app.operations.keys.revoke_key import revoke_key
from packages_app.operations.keys.rotate_key import rotate_key
from packages_app.operations.locations.finish_repairs_due import finish_repairs_due
from packages_app.operations.locations.forget_heartbeats import forget_heartbeats
from packages_app.operations.locations.notice_late_returns_due import notice_late_returns_due
from packages_app.operations.locations.notice_shortages_due import notice_shortages_due
from packages_app.operations.locations.notice_silence_due import notice_silence_due
from packages_app.operations.locations.record_heartbeat import record_heartbeat
from packages_app.operations.locations.record_silence import record_silence
from packages_app.operations.locations.report_broken import report_broken
from packages_app.operations.locations.report_fault import report_fault
from packages_app.operations.locations.report_unresponsive import report_unresponsive
from packages_app.operations.locations.resume_location import resume_location
from packages_app.operations.locations.suspend_location import suspend_location
from packages_app.operations.packages.assign import assign
from packages_app.operations.packages.assign_or_wait import assign_or_wait
from packages_app.operations.packages.cancel import cancel
from packages_app.operations.packages.deposit import deposit
from packages_app.operations.packages.erase_due import erase_due
from packages_app.operations.packages.erase_recipients import erase_recipients
from packages_app.operations.packages.expire_due import expire_due
from packages_app.operations.packages.extend import extend
from packages_app.operations.packages.lapse_due import lapse_due
from packages_app.operations.packages.list_returns_due import list_returns_due
from packages_app.operations.packages.name_delegate import name_delegate
from packages_app.operations.packages.open_door import open_door
from packages_app.operations.packages.pick_up import pick_up
from packages_app.operations.packages.put_on_hold import put_on_hold
from packages_app.operations.packages.reassign import reassign
from packages_app.operations.packages.record_door_failure import record_door_failure
from packages_app.operations.packages.record_found import record_found
from packages_app.operations.packages.release_hold import release_hold
from packages_app.operations.packages.remind_due import remind_due
from packages_app.operations.packages.remove_delegate import remove_delegate
from packages_app.operations.packages.resend_code import resend_code
from packages_app.operations.packages.resend_delegate_code import resend_delegate_code
from packages_app.operations.packages.return_to_courier import return_to_courier
from packages_app.operations.queue.grant_due import grant_due
from packages_app.operations.queue.leave_queue import leave_queue
from packages_app.operations.queue.purge_queue_due import purge_queue_due
from packages_app.operations.reports.send_reports_due import send_reports_due
from packages_app.operations.sandbox.tidy_sandbox_due import tidy_sandbox_due

__all__ = [
    "assign",
    "assign_or_wait",
    "cancel",
    "create_key",
    "deposit",
    "erase_due",
    "erase_recipients",
    "expire_due",
    "extend",
    "finish_repairs_due",
    "forget_heartbeats",
    "grant_due",
    "lapse_due",
    "leave_queue",
    "limit_key",
    "list_returns_due",
    "name_delegate",
    "notice_late_returns_due",
    "notice_shortages_due",
    "notice_silence_due",
    "notice_sms_caps_due",
    "open_door",
    "pick_up",
    "purge_queue_due",
    "put_on_hold",
    "reassign",
    "record_door_failure",
    "record_found",
    "record_heartbeat",
    "record_silence",
    "release_hold",
    "remind_due",
    "remove_delegate",
    "report_broken",
    "report_fault",
    "report_unresponsive",
    "resend_code",
    "resend_delegate_code",
    "resend_sms",
    "resume_location",
    "return_to_courier",
    "revoke_key",
    "rotate_key",
    "send_reports_due",
    "suspend_location",
    "tidy_sandbox_due",
]
