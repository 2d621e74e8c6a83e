"""Questions to registers about one person: once-only prefill. One module for each way to ask."""
