"""The hot paths, side by side with their peers and limits: `python -m bench` (docs/performance.md)."""
