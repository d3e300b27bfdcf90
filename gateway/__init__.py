"""What speaks with participants."""
