"""What the first page is made of: each module one of its questions, each of them with a constant number of queries."""
