"""Couriers' endpoints: what is announced to them, what it says, what signs it."""
