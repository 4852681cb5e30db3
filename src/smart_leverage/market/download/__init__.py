"""Fetches bars and quotes from their sources and keeps them on this machine."""
