"""Operations of the rest of a step: attention and its projections."""
