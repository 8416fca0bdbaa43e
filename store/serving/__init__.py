"""What a served model is made of: read from a config.json, and priced by costmodel."""
