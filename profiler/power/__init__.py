"""The power pass: steady loads while the sensors are recorded."""
