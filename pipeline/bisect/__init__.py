"""Which commit changed a metric of the user's repository."""
