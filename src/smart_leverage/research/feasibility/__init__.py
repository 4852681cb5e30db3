"""Whether a strategy can reach a monthly target under a drawdown: bounds, laws and simulations."""
