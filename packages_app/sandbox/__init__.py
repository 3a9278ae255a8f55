"""What couriers can rehearse with their test keys."""
