"""Who proposes? Strategies that offer opportunities and never size them."""
