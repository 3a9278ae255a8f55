"""Custody of packages: from a courier's scan to the recipient's pickup or the way back."""
