"""Everything that can happen to a package: one module each, one public operation in it.

Each takes keyword arguments only, `by` (who) and `now` (when) among them, runs in one durable transaction,
and writes the package, its door, its history and its messages together. Locks are taken in one order:
kiosk, queue entry, package, compartment; location before package.
"""

from packages_app.operations.assign import assign
from packages_app.operations.assign_or_wait import assign_or_wait
from packages_app.operations.cancel import cancel
from packages_app.operations.deposit import deposit
from packages_app.operations.door_failed import door_failed
from packages_app.operations.erase import erase, erase_now
from packages_app.operations.expire import expire
from packages_app.operations.extend import extend
from packages_app.operations.forget_heartbeats import forget_heartbeats
from packages_app.operations.found import found
from packages_app.operations.grant import grant
from packages_app.operations.heartbeat import heartbeat
from packages_app.operations.hold import hold
from packages_app.operations.lapse import lapse
from packages_app.operations.leave_queue import leave_queue
from packages_app.operations.list_returns import list_returns
from packages_app.operations.name_delegate import name_delegate
from packages_app.operations.notice_overdue import notice_overdue
from packages_app.operations.notice_shortages import notice_shortages
from packages_app.operations.notice_silence import notice_silence
from packages_app.operations.notice_sms_caps import notice_sms_caps
from packages_app.operations.open_door import open_door
from packages_app.operations.pick_up import pick_up
from packages_app.operations.reassign import reassign
from packages_app.operations.release import release
from packages_app.operations.remind import remind
from packages_app.operations.remove_delegate import remove_delegate
from packages_app.operations.repairs import repairs
from packages_app.operations.report_fault import report_fault
from packages_app.operations.resend_code import resend_code
from packages_app.operations.resend_delegate_code import resend_delegate_code
from packages_app.operations.resend_sms import resend_sms
from packages_app.operations.resume_location import resume_location
from packages_app.operations.return_to_courier import return_to_courier
from packages_app.operations.rotate_key import rotate_key
from packages_app.operations.send_reports import send_reports
from packages_app.operations.suspend_location import suspend_location
from packages_app.operations.tidy_sandbox import tidy_sandbox

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
