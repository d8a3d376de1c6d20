"""A synthetic shop that writes GA4 export files; what it shows is never evidence about real visitors."""
