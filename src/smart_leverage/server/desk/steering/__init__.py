"""The door of the pages, and what people order through it: each order is the account's to take."""
