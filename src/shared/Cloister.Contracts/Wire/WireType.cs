namespace Cloister.Contracts.Wire;

/// <summary>Protocol Buffers wire types. Source: Protocol Buffers encoding, "Message structure".</summary>
public enum WireType
{
    /// <summary>A base-128 integer of at most 10 bytes.</summary>
    Varint = 0,

    /// <summary>8 bytes, little-endian.</summary>
    Fixed64 = 1,

    /// <summary>A length and that many bytes.</summary>
    LengthDelimited = 2,

    /// <summary>4 bytes, little-endian.</summary>
    Fixed32 = 5,
}
