"""The channels: the one list of them, and by which of them people are told."""
