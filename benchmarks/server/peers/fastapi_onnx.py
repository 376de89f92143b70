"""What an expert could write by hand for one model: FastAPI over ONNX Runtime. Not a peer (it has
no batching, no validation worth the name, no metrics); it shows what compiling alone brings.

`BENCH_ONNX` is the model, compiled by the benchmark.
"""

import json
import os

import joblib
import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["BENCH_ONNX"], options)
feed = session.get_inputs()[0]
shape = (1, *feed.shape[1:])
transform = joblib.load(os.path.join(os.environ["BENCH_MODEL"], "preprocessing.pkl")).transform


@app.post("/predict")
async def predict(request: Request) -> JSONResponse:
    features = json.loads(await request.body())["features"]
    row = transform(np.array([features], dtype=np.float32)).reshape(shape)
    probabilities = session.run(None, {feed.name: row})[0][0]
    return JSONResponse({"probabilities": probabilities.tolist()})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), access_log=False, loop="uvloop"
    )
