"""Every sentence a customer reads, by language and tone, and what the desk is told."""
