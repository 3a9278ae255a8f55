"""The sample network of `make run`, for development: locations, people, keys, packages with a history."""
