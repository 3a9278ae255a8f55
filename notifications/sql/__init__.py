"""SQL of messages that is not the ORM's; see `common/sql.py` for why there is any."""
