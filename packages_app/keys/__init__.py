"""API keys: their text, their rights, their check on each call, and rate limits."""
