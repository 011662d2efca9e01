"""Design files for tests, written from the format alone: a schema of just the fields that are used,
then the message. Independent of the project's own encoder."""
import hashlib
import io
import struct
import zipfile
import zlib

ENUM, STRUCT, MESSAGE = 0, 1, 2
BUILTIN = ["bool", "byte", "int", "uint", "float", "string", "int64", "uint64"]

# name -> (kind, [(field, type, value)]); "T[]" is an array.
DEFINITIONS = {
    "MessageType": (ENUM, [("NODE_CHANGES", None, 1)]),
    "NodeType": (ENUM, [("NONE", None, 0), ("DOCUMENT", None, 1), ("CANVAS", None, 2), ("FRAME", None, 4),
                        ("RECTANGLE", None, 10)]),
    "PaintType": (ENUM, [("SOLID", None, 0), ("IMAGE", None, 5)]),
    "WindingRule": (ENUM, [("NONZERO", None, 0), ("ODD", None, 1)]),
    "ImageScaleMode": (ENUM, [("STRETCH", None, 0), ("FIT", None, 1), ("FILL", None, 2)]),
    "GUID": (STRUCT, [("sessionID", "uint", 1), ("localID", "uint", 2)]),
    "Vector": (STRUCT, [("x", "float", 1), ("y", "float", 2)]),
    "Matrix": (STRUCT, [(f"m{row}{column}", "float", row * 3 + column + 1) for row in (0, 1) for column in (0, 1, 2)]),
    "Color": (STRUCT, [("r", "float", 1), ("g", "float", 2), ("b", "float", 3), ("a", "float", 4)]),
    "ParentIndex": (STRUCT, [("guid", "GUID", 1), ("position", "string", 2)]),
    "Path": (MESSAGE, [("windingRule", "WindingRule", 1), ("commandsBlob", "uint", 2)]),
    "Image": (MESSAGE, [("hash", "byte[]", 1), ("name", "string", 2)]),
    "Paint": (MESSAGE, [("type", "PaintType", 1), ("color", "Color", 2), ("opacity", "float", 3), ("visible", "bool", 4),
                        ("image", "Image", 5), ("imageScaleMode", "ImageScaleMode", 6)]),
    "NodeChange": (MESSAGE, [("guid", "GUID", 1), ("parentIndex", "ParentIndex", 3), ("type", "NodeType", 4), ("name", "string", 5),
                             ("visible", "bool", 6), ("opacity", "float", 7), ("size", "Vector", 11), ("transform", "Matrix", 12),
                             ("fillPaints", "Paint[]", 38), ("fillGeometry", "Path[]", 71)]),
    "Blob": (MESSAGE, [("bytes", "byte[]", 1)]),
    "Message": (MESSAGE, [("type", "MessageType", 1), ("nodeChanges", "NodeChange[]", 4), ("blobs", "Blob[]", 5)]),
}
NAMES = list(DEFINITIONS)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def text(value):
    return (value.encode() if isinstance(value, str) else value) + b"\0"


def number(value):
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    turned = (bits >> 23 | bits << 9) & 0xFFFFFFFF
    return b"\0" if turned & 255 == 0 else struct.pack("<I", turned)


def schema():
    out = varint(len(DEFINITIONS))
    for name, (kind, fields) in DEFINITIONS.items():
        out += text(name) + bytes([kind]) + varint(len(fields))
        for field, type_name, value in fields:
            array = bool(type_name) and type_name.endswith("[]")
            base = (type_name or "").removesuffix("[]")
            index = ~BUILTIN.index(base) if base in BUILTIN else NAMES.index(base) if base else 0
            out += text(field) + varint(index << 1 if index >= 0 else ~index << 1 | 1) + bytes([array]) + varint(value)
    return out


def encode(type_name, value):
    if type_name == "byte[]":
        return varint(len(value)) + value
    if type_name.endswith("[]"):
        return varint(len(value)) + b"".join(encode(type_name[:-2], one) for one in value)
    if type_name in BUILTIN:
        return {"bool": lambda: bytes([value]), "uint": lambda: varint(value), "float": lambda: number(value), "string": lambda: text(value)}[type_name]()
    kind, fields = DEFINITIONS[type_name]
    if kind == ENUM:
        return varint(next(number for name, _, number in fields if name == value))
    if kind == STRUCT:
        return b"".join(encode(field_type, value[i] if isinstance(value, tuple) else value[field])
                        for i, (field, field_type, _) in enumerate(fields))
    out = b""
    for field, field_type, tag in fields:
        if field in value:
            out += varint(tag) + encode(field_type, value[field])
    return out + b"\0"


def rectangle(width, height):
    points = [(1, 0, 0), (2, width, 0), (2, width, height), (2, 0, height)]
    return b"".join(struct.pack("<Bff", *point) for point in points) + b"\0"


class Design:
    """A page with frames on it, each a box of one colour."""

    def __init__(self, page="Page 1"):
        self.blobs = []
        self.nodes = [{"guid": (0, 0), "type": "DOCUMENT", "name": "Document"},
                      {"guid": (0, 1), "type": "CANVAS", "name": page, "parentIndex": ((0, 0), "!")}]

    def frame(self, name, box, paint, parent=(0, 1)):
        """box: x y width height. Returns its guid."""
        guid = (1, len(self.nodes))
        x, y, width, height = map(float, box)
        self.blobs.append({"bytes": rectangle(width, height)})
        self.nodes.append({
            "guid": guid, "type": "FRAME", "name": name, "parentIndex": (parent, chr(33 + len(self.nodes))), "size": (width, height),
            "transform": (1.0, 0.0, x, 0.0, 1.0, y), "fillPaints": [paint],
            "fillGeometry": [{"windingRule": "NONZERO", "commandsBlob": len(self.blobs) - 1}]})
        return guid

    def canvas(self, version=20):
        message = encode("Message", {"type": "NODE_CHANGES", "nodeChanges": self.nodes, "blobs": self.blobs})
        out = b"fig-kiwi" + struct.pack("<I", version)
        for chunk in (schema(), message):
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = deflate.compress(chunk) + deflate.flush()
            out += struct.pack("<I", len(packed)) + packed
        return out

    def zip(self, images=()):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("canvas.fig", self.canvas())
            for image in images:
                archive.writestr("images/" + image_hash(image), image)
        return out.getvalue()


def solid(r, g, b, a=1.0):
    return {"type": "SOLID", "color": (float(r), float(g), float(b), float(a)), "opacity": 1.0, "visible": True}


def image_hash(image):
    return hashlib.sha1(image).hexdigest()


def picture(image):
    return {"type": "IMAGE", "opacity": 1.0, "visible": True, "imageScaleMode": "FILL", "image": {"hash": bytes.fromhex(image_hash(image)), "name": "p"}}


def png(width, height, colour):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
