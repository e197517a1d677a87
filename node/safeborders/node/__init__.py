"""A country's installation: it holds the records and is the only code that reads them."""
