"""What other programs and brokers say that an account did before it came under our rule."""
