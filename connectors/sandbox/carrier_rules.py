"""What carriers allow: the 24 hours of WhatsApp, approved templates, STOP, so many a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.sandbox.content import PLACEHOLDER
from connectors.sandbox.documents import State
from connectors.sandbox.worlds import World

WHATSAPP = "whatsapp:"
WINDOW = timedelta(hours=24)

# https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
STOP_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
)
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})
CONFIRMATIONS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages"
    " from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP"
    " for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def open_window(world: World, sender: str, recipient: str) -> None:
    """Someone wrote: for 24 hours they may be answered freely. Called under the lock."""
    if sender.startswith(WHATSAPP):
        world.state["windows"].setdefault(sender, {})[recipient] = world.now().isoformat()
        world.touch()


def read_opt_out(world: World, sender: str, body: str) -> str:
    """ "STOP", "START" or "HELP" when that is all that was written, and done so by Twilio
    itself; else nothing. Called under the lock."""
    if sender.startswith(WHATSAPP) or not world.settings["twilio"].get("handles_opt_out"):
        return ""
    word = body.strip().upper()
    kinds = {"STOP": STOP_WORDS, "START": START_WORDS, "HELP": HELP_WORDS}
    kind = next((kind for kind, words in kinds.items() if word in words), "")
    opted_out: list[str] = world.state["opted_out"]
    if kind == "STOP" and sender not in opted_out:
        opted_out.append(sender)
    if kind == "START" and sender in opted_out:
        opted_out.remove(sender)
    world.touch()
    return kind


def find_late_problem(world: World, message: State) -> str:
    """The code of what the carrier says no to after Twilio took the message, or nothing."""
    if message["to"] in world.state["opted_out"]:
        return "21610"
    if not message["to"].startswith(WHATSAPP):
        return ""
    if message["content_sid"] and PLACEHOLDER.search(message["body"]):
        return "63028"
    template = world.state["templates"].get(message["content_sid"])
    approved = template is not None and template["approval"] == "approved"
    return "" if approved or _is_window_open(world, message) else "63016"


def is_too_fast(world: World, form: Mapping[str, str]) -> bool:
    """Whether this sender was given its messages of this second already; counts this one."""
    channel = "whatsapp" if form.get("To", "").startswith(WHATSAPP) else "sms"
    most = (world.settings["twilio"].get("per_second") or {}).get(channel)
    if most is None:
        return False
    sender = form.get("From") or form.get("MessagingServiceSid") or ""
    with world.lock:
        sendings, now = world.sendings.setdefault(sender, deque()), time.monotonic()
        while sendings and sendings[0] <= now - 1:
            sendings.popleft()
        if len(sendings) >= most:
            return True
        sendings.append(now)
        return False


def _is_window_open(world: World, message: State) -> bool:
    """A Messaging Service may answer from whichever of its numbers was written to."""
    wrote: dict[str, str] = world.state["windows"].get(message["to"], {})
    times = [wrote.get(message["from"], "")] if message["from"] else list(wrote.values())
    return any(t and world.now() - datetime.fromisoformat(t) < WINDOW for t in times)
