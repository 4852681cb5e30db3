"""Who is told: what the journal says in words for people, and how it reaches them."""
