"""The decision service: looks features up, scores with the champion, decides, and keeps every decision."""
