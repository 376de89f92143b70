"""MLServer's custom runtime: one tensor in, one tensor out, whole batches to the model."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from originals import from_environment


class Original(MLModel):
    async def load(self) -> bool:
        self._score = from_environment()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        scores = self._score(rows)
        output = NumpyCodec.encode_output("probabilities", scores)
        return InferenceResponse(model_name=self.name, outputs=[output])
