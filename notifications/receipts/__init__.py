"""Delivery receipts: providers report that a message they accepted has arrived, or never will."""
