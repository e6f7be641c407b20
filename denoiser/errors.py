"""The base class of this package's errors."""


class DenoiserError(Exception):
    """An error whose message is a sentence for people and can be shown to them unchanged.

    The sentence is `template` with `params` for {0}, {1}; a template without params is the sentence itself. Both are
    kept, so that the sentence can be said in other languages.
    """

    def __init__(self, template: object = "", *params: object):
        self.template, self.params = str(template), params
        super().__init__(self.template.format(*params) if params else self.template)
