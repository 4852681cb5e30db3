"""What a day, a week or a month was: figures and tables made from one period of a ledger."""
