"""Fetches bars from their sources and keeps them on this machine."""
