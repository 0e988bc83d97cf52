"""From a message to a decision."""
