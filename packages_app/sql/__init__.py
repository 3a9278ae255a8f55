"""Every SQL statement of packages and couriers that is not the ORM's, as named constants and builders.

Nothing here runs a statement: the operations, rules and models that do name it. Why there are any:
`common/sql.py`, and decision 4.
"""
