"""What a tenant's assistant may quote: read, cut, indexed, searched."""
