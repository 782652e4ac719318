"""What the command line says of itself: the layout of its help, and the right form of what was mistyped."""
