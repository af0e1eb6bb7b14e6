"""What is known of the Planhat that is written to."""
