"""What the team sees and does, and the demo's phone."""
