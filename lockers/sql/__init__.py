"""SQL of compartments that is not the ORM's."""
