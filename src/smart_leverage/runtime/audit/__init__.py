"""What a past was worth and what the policy would have made of it: figures, words and one page."""
