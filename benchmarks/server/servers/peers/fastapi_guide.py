"""The server that the deployment guide writes: FastAPI, a list of floats, the model's own call."""

import os

import numpy as np
import uvicorn
from fastapi import FastAPI
from originals import from_environment
from pydantic import BaseModel

app = FastAPI()
predict_rows = from_environment(guide=True)


class Features(BaseModel):
    features: list[float]


@app.post("/predict")
async def predict(body: Features) -> dict[str, object]:
    probabilities = predict_rows(np.array([body.features], dtype=np.float32))[0]
    return {
        "prediction": int(np.argmax(probabilities)),
        "probabilities": probabilities.tolist(),
        "confidence": float(np.max(probabilities)),
    }


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), access_log=False, loop="uvloop"
    )
