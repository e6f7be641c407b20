"""Strokes or any picture -> one 28 x 28 digit with MNIST's geometry."""


def digit_from_image(picture):
    raise NotImplementedError


def digit_from_strokes(strokes):
    raise NotImplementedError
