"""What couriers rehearse with their test keys."""
