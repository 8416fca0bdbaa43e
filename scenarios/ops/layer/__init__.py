"""Operations of a mixture-of-experts layer with gated experts, and the layer as a whole."""
