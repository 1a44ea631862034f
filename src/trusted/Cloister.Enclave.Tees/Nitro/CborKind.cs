namespace Cloister.Enclave.Tees.Nitro;

/// <summary>Major types of CBOR (RFC 8949, section 3.1). secrets: none.</summary>
internal enum CborKind
{
    Number = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
    Simple = 7,
}
