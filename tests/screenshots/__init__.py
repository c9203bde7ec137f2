"""Pictures of every page, from the demo data: ``make screenshots`` writes them to docs/images."""
