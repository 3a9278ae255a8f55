"""What recipients, managers and couriers are told: the words' facts, put together when a message is sent."""
