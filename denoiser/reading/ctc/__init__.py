"""A second reader, which reads a row as a whole without cutting it into digits.

A convolutional network slides along the straightened row (`strips`, `network`) and says for each column which mark has
its middle there, if any. `decoding` turns that into probabilities of texts by connectionist temporal classification
(CTC; Graves et al., 2006).
"""
