"""Pictures of products: the catalogue's where the tenant lets us, else a person takes one."""

from __future__ import annotations

from bot.flows.handover import priority_of, when_answered
from bot.flows.products import Wish, read_wishes
from bot.turn import Escalate, Outcome, Say, Turn

CARRY_PICTURES = frozenset({"whatsapp", "email", "web"})


def send_photo(turn: Turn) -> Outcome:
    """They are told that a picture comes; the desk is told to send it."""
    wishes = read_wishes(turn)
    if isinstance(wishes, Outcome):
        return wishes
    wish = wishes[0]
    picture = _picture(turn, wish)
    size = next(iter(wish.sizes), turn.customer.usual_size)
    facts = {
        **when_answered(turn),
        "article": wish.product,
        "name": turn.name,
        "sent": bool(picture),
    }
    task = {
        "text": turn.text,
        "product": wish.product,
        "size": size if wish.product.variant(size) else "",
    }
    return Outcome(
        say=(Say("photo.coming", facts),),
        escalations=(Escalate("photo_request", priority_of(turn), task),),
        remember={"product": wish.product.reference, "pending": None, "sizes": None},
        pictures=(picture,) if picture else (),
        covers=frozenset({"product_inquiry"}),
    )


def _picture(turn: Turn, wish: Wish) -> str:
    allowed = turn.policies.send_pictures and turn.channel in CARRY_PICTURES
    return wish.product.image_url if allowed else ""
