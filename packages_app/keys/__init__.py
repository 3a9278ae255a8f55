"""What an API key looks like, what it may be given, and where it may be used from."""
