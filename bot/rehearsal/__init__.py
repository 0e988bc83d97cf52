"""Plays conversations written down beforehand (docs/rehearsals.md) against the whole product."""
