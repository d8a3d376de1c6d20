"""What must hold of data before anything is built on them, spoken in Great Expectations."""
