"""The outside world: a library that knows nothing of bot, Flask or RQ."""
