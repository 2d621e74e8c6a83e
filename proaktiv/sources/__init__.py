"""Ways in for events besides the intake's HTTP surface. They bring bytes; what the bytes mean is not their business."""
