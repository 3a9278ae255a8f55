"""Date and time formats of the admin, for FORMAT_MODULE_PATH; templates of pages have their own."""
