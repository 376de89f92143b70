"""What an expert could write by hand for one model: FastAPI over ONNX Runtime. Not a peer (it has
no batching, no validation worth the name, no metrics); it shows what compiling alone brings.
"""

import json
import os

import numpy as np
import uvicorn
from compiled_model import from_environment
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
score = from_environment()


@app.post("/predict")
async def predict(request: Request) -> JSONResponse:
    features = json.loads(await request.body())["features"]
    probabilities = score(np.array([features], dtype=np.float32))[0]
    return JSONResponse({"probabilities": probabilities.tolist()})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), access_log=False, loop="uvloop"
    )
