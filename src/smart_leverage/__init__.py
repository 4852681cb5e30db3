"""Governs, researches and explains the exposure of automated trading accounts."""
