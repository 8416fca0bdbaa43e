"""`moeprof route`: routing by a cost model."""
