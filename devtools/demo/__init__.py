"""The sample network of `make run`: places, people, keys, and packages with a past. Development only."""
