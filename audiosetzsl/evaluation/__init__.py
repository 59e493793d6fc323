"""From scores to results: what may be trained on, the protocol, metrics, the page."""
