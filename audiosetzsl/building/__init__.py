"""From AudioSet's lists to a manifest: candidates, labels, splits, funnel."""
