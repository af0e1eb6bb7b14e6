"""Speed and memory of the tap and the target beside those of their peers; `python -m benchmarks --help`."""
