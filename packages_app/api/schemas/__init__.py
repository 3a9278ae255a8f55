"""What the API takes and gives, a module for each thing that it describes."""
