"""The model file: fields with paths and types, and events read by it.

``model_file`` reads the file's text, ``fields`` has its fields, ``formulas`` checks its formulas,
``paths`` finds a value in an event, ``kinds`` makes a number of it, ``mapping`` does both for a
whole event. Pure: the file itself is read in ``consumer/settings.py``.
"""

from consumer.decode.mapping.fields import INDICATED
from consumer.decode.mapping.formulas import ModelFileError
from consumer.decode.mapping.mapping import Mapping
from consumer.decode.mapping.model_file import ModelFile, model_of_identity, read_model

__all__ = ["INDICATED", "Mapping", "ModelFile", "ModelFileError", "model_of_identity", "read_model"]
