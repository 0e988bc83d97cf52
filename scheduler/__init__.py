"""What starts from the clock."""
