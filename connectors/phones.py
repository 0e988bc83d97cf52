"""Phones as people type them."""

from __future__ import annotations

import phonenumbers


def as_e164(text: str, country: str) -> str:
    """`text` as E.164; empty when it is no number. `country` is that of numbers written
    without one ("FR"), empty when it is not known."""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
