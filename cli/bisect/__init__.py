"""Commands that read the commits of a repository: `moeprof bisect` and `moeprof check`."""
