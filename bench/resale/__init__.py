"""The built-in study: the resale shop's migration of 5 October 2025."""
