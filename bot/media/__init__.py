"""What customers send with their messages: fetched, checked, kept, and shown by whoever may."""
