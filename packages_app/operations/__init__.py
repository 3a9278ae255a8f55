"""Everything that can happen to a package: one module each, one public operation in it.

Each takes keyword arguments only, `by` (who) and `now` (when) among them, runs in one durable transaction,
and writes the package, its door, its history and its messages together. Locks are taken in one order:
kiosk, queue entry, package, compartment; location before package.
"""

from packages_app.operations.couriers.notice_sms_caps import notice_sms_caps
from packages_app.operations.couriers.resend_sms import resend_sms
from packages_app.operations.couriers.rotate_key import rotate_key
from packages_app.operations.locations.forget_heartbeats import forget_heartbeats
from packages_app.operations.locations.heartbeat import heartbeat
from packages_app.operations.locations.notice_overdue import notice_overdue
from packages_app.operations.locations.notice_shortages import notice_shortages
from packages_app.operations.locations.notice_silence import notice_silence
from packages_app.operations.locations.repairs import repairs
from packages_app.operations.locations.report_fault import report_fault
from packages_app.operations.locations.resume_location import resume_location
from packages_app.operations.locations.suspend_location import suspend_location
from packages_app.operations.packages.assign import assign
from packages_app.operations.packages.assign_or_wait import assign_or_wait
from packages_app.operations.packages.cancel import cancel
from packages_app.operations.packages.deposit import deposit
from packages_app.operations.packages.door_failed import door_failed
from packages_app.operations.packages.erase import erase, erase_now
from packages_app.operations.packages.expire import expire
from packages_app.operations.packages.extend import extend
from packages_app.operations.packages.found import found
from packages_app.operations.packages.hold import hold
from packages_app.operations.packages.lapse import lapse
from packages_app.operations.packages.list_returns import list_returns
from packages_app.operations.packages.name_delegate import name_delegate
from packages_app.operations.packages.open_door import open_door
from packages_app.operations.packages.pick_up import pick_up
from packages_app.operations.packages.reassign import reassign
from packages_app.operations.packages.release import release
from packages_app.operations.packages.remind import remind
from packages_app.operations.packages.remove_delegate import remove_delegate
from packages_app.operations.packages.resend_code import resend_code
from packages_app.operations.packages.resend_delegate_code import resend_delegate_code
from packages_app.operations.packages.return_to_courier import return_to_courier
from packages_app.operations.queue.grant import grant
from packages_app.operations.queue.leave_queue import leave_queue
from packages_app.operations.reports.send_reports import send_reports
from packages_app.operations.sandbox.tidy_sandbox import tidy_sandbox

__all__ = [
    "assign",
    "assign_or_wait",
    "cancel",
    "deposit",
    "door_failed",
    "erase",
    "erase_now",
    "expire",
    "extend",
    "forget_heartbeats",
    "found",
    "grant",
    "heartbeat",
    "hold",
    "lapse",
    "leave_queue",
    "list_returns",
    "name_delegate",
    "notice_overdue",
    "notice_shortages",
    "notice_silence",
    "notice_sms_caps",
    "open_door",
    "pick_up",
    "reassign",
    "release",
    "remind",
    "remove_delegate",
    "repairs",
    "report_fault",
    "resend_code",
    "resend_delegate_code",
    "resend_sms",
    "resume_location",
    "return_to_courier",
    "rotate_key",
    "send_reports",
    "suspend_location",
    "tidy_sandbox",
]
