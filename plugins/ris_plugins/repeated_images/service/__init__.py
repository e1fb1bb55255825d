"""What is done for each image as it is received, and what is remembered for it."""
