"""Steps of one deployment as closed forms of numbers, for simulators."""
