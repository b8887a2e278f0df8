"""What is sent for people without the app, and by and for displays."""

from __future__ import annotations

from qure.domain.token import Priority
from qure.wire import day_fields as d
from qure.wire import fields as f
from qure.wire.parsing import Fields

__all__ = ["AdmitWalkIn", "Join", "LetDisplayIn", "OpenGuestLink", "PollDisplay"]


class AdmitWalkIn(Fields):
    """What staff note of somebody at the desk."""

    name: d.VisitorName | None = None
    phone: d.Telephone | None = None
    note: d.Note | None = None
    priority: d.PriorityName = Priority.NORMAL


class Join(Fields):
    """What a stranger at the door wants; by default the clinic's default service."""

    service_id: f.Id | None = None
    name: d.VisitorName | None = None


class OpenGuestLink(Fields):
    """The secret of a guest's link."""

    secret: d.GuestSecret


class PollDisplay(Fields):
    """The code that the display keeps."""

    device_code: d.DeviceCode


class LetDisplayIn(Fields):
    """The code that the display shows, and what it shall be; by default it shows all services."""

    user_code: d.UserCode
    name: d.ShortName
    service_ids: d.ServiceIds | None = None
