"""Ways to hand a confirmed Auftrag to its Behörde. One module for each way."""
