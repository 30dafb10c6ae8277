"""Croissant metadata of a published data set, with the fields of responsible AI.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html and, beside it,
croissant-rai-spec.html.
"""

from collections.abc import Mapping
from typing import Any

from evoskeleton.platform.search.sharing.card import COLUMNS
from evoskeleton.platform.search.sharing.terms import Terms

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TYPES = {
    "id": "sc:Integer",
    "generation": "sc:Integer",
    "island": "sc:Integer",
    "mother": "sc:Integer",
    "father": "sc:Integer",
    "pose": "sc:Float",
    "margin": "sc:Float",
    "error": "sc:Float",
    "is_seed": "sc:Boolean",
}


def croissant(
    terms: Terms, numbers: Mapping[str, Any], shards: Mapping[str, str], date: str
) -> dict[str, Any]:
    """The metadata as plain data.

    Args:
        terms: as the owner says.
        numbers: of the data.
        shards: SHA-256 of each file, by its path.
        date: of publication, ISO 8601.
    """
    files = [_file(path, digest) for path, digest in shards.items()]
    first = next(iter(shards))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": terms.name,
        "description": f"{numbers['poses']:,} 3D human poses of 17 joints, millimetres, z up: "
        f"{numbers['bred']:,} bred out of {numbers['seeds']:,} real ones that are among them.",
        "license": terms.licence,
        "url": "README.md",
        "version": terms.version,
        "datePublished": date,
        "creator": {"@type": "sc:Organization", "name": terms.creator},
        "citeAs": f"{terms.creator}: {terms.name}, {date}.",
        "distribution": files,
        "recordSet": [_records(path, numbers["columns"], path == first) for path in shards],
        **_responsible(terms, numbers),
    }


def _file(path: str, digest: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path.rpartition("/")[2],
        "contentUrl": path,
        "encodingFormat": "application/x-parquet",
        "sha256": digest,
    }


def _records(path: str, columns: list[str], first: bool) -> dict[str, Any]:
    """The rows of a shard, a field a column."""
    name = "poses" if first else path.rpartition("/")[2].removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [_field(name, column, path) for column in columns],
    }


def _field(records: str, column: str, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": f"{records}/{column}",
        "description": COLUMNS[column],
        "dataType": _TYPES.get(column, "sc:Text"),
        **({"repeated": True} if column == "pose" else {}),
        "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
    }


def _responsible(terms: Terms, numbers: Mapping[str, Any]) -> dict[str, Any]:
    seeds = int(numbers["seeds"])
    people = "Real poses carry the names that their source gives to subjects and clips."
    return {
        "rai:dataCollection": "Bred by crossing and mutating real poses within joint limits; "
        "offspring that a lifter gets wrong were preferred.",
        "rai:dataCollectionType": ["Synthetic", *(["Motion capture"] if seeds else [])],
        "rai:hasSyntheticData": True,
        "rai:personalSensitiveInformation": [people] if seeds else ["None: no real pose is in it."],
        "rai:dataBiases": ["Builds and habits of the people that the poses descend from."],
        "rai:dataLimitations": ["Single bodies, no motion; balance and contact are not modelled."],
        "rai:dataUseCases": ["Training and testing 2D-to-3D human pose lifters."],
        "rai:dataPreprocessingProtocol": ["17 joints of Human3.6M, millimetres, z up."],
    }
