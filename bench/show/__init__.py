"""What people read: values in, text or figures out."""
