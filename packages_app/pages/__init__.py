"""The pages of managers, of recipients and of the screens at lockers."""
