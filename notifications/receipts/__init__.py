"""What providers say afterwards of messages that they took: that they arrived, or that they never will."""
