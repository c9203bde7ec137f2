"""Real provider packages against real counterparts: ``make test-integrations``. Each integration is one file."""
