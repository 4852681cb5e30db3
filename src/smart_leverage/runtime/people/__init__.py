"""People who steer an account from a page: how they sign in, and what each session may do."""
