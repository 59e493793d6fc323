"""The paper's tables and figure of the dataset, for any manifest."""
