"""Feature files as they are published: found below a folder, told apart by layout, opened by format."""
