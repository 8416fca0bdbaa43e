"""One routed operation over tokens and active experts."""
