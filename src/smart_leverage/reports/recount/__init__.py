"""A statement's figures once more, from the text of the journal, by an arithmetic of its own."""
