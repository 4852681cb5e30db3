"""Lots as tax wants to see them: term, gain and what may be a wash sale. It is no advice."""
