"""What people read: sections made of blocks, and one renderer for each format."""
