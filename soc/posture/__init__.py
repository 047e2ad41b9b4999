"""A month of facts, and the document made of them."""
