"""The commands that open videos: features extracted from them, and a trained method's answer on them."""
