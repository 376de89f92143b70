"""The Open Inference Protocol v2: `openinference` answers, `requests` and `inputs` read what is
asked, `answers` shapes what is said, `tensors` is both ways between data and arrays.
"""
