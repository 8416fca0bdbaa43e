"""Control of the routing at run time: telemetry in, a bias per expert out."""
