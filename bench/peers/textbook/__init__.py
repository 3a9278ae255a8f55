"""The textbook version: the same rows and checks as a good Django developer writes them first, in the ORM."""
