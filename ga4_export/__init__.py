"""GA4 export files: their schema, and how a day of them is landed with every row accounted for."""
