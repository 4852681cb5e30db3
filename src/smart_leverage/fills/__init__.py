"""What would the market have done? Fill, fee, slippage, gap and financing rules."""
