"""From videos to what an import reads: motion, objects and features, one row per snippet of 16 frames."""
