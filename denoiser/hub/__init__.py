"""Models in repositories on the Hugging Face Hub: downloaded from there, and put there with a model card."""
