"""How Twilio answers: who may ask, what it refuses, and its failures on order."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from flask import Response, request

from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.web import answer_json
from connectors.sandbox.worlds import World

# https://www.twilio.com/docs/api/errors
ERRORS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20503: "Service Unavailable",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid 'From' Phone Number",
    21602: "Message body is required.",
    21603: "A 'From' or 'MessagingServiceSid' phone number is required.",
    21604: "A 'To' phone number is required.",
    21608: "The 'To' phone number provided is not yet verified for this account.",
    21610: "Attempt to send to unsubscribed recipient",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21620: "Invalid media URL(s)",
    21623: "Number of media files exceeds allowed limit",
    21635: "The 'To' phone number cannot be a landline",
    21654: "ContentSid Required",
    21655: "The ContentSid is Invalid",
    21656: "The ContentVariables Parameter is invalid",
    21910: "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel",
}


def play_twilio(
    world: World, account: str | None, operation: str, act: Callable[[World], Response]
) -> Response:
    """`account` is the one in the path, if there is one."""

    def run(failure: Failure | None) -> Response:
        pause_if_slow(failure)
        return act(world) if _is_known(world, account) else refuse(401, 20003)

    refusals = {
        "down": lambda: refuse(503, 20503),
        "throttled": lambda: refuse(429, 20429),
        "unauthorized": lambda: refuse(401, 20003),
    }
    return play(world, "twilio", operation, run, refusals)


def refuse(status: int, code: int) -> Response:
    body = {
        "code": code,
        "message": ERRORS.get(code, "Unknown error"),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return answer_json(body, status)


def _is_known(world: World, account: str | None) -> bool:
    settings, given = world.settings["twilio"], request.authorization
    sid, token = settings.get("account_sid") or "", settings.get("auth_token") or ""
    if not sid or given is None or given.username != sid or account not in {None, sid}:
        return False
    return hmac.compare_digest((given.password or "").encode(), token.encode())
