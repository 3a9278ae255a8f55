"""The pages for managers, for recipients and for kiosks."""
