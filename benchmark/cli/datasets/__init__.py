"""The commands about datasets: import, check, list; videos are those of `benchmark.cli.videos`."""
