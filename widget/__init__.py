"""What stands on a client's site, and its API."""
