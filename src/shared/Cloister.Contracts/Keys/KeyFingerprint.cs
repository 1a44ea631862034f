using System.Buffers.Binary;

namespace Cloister.Contracts.Keys;

/// <summary>
/// The public name of one KEK version: 16 bytes, never reused, equal on every node that holds the same KEK version.
/// Its text form is the key_id of KMS v2. See docs/envelope-format.md, "KEK fingerprint".
/// </summary>
public readonly record struct KeyFingerprint
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 16;

    private readonly ulong _high;
    private readonly ulong _low;

    /// <summary>Reads a fingerprint from exactly 16 bytes.</summary>
    /// <exception cref="ArgumentException">Another length.</exception>
    public KeyFingerprint(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"a fingerprint has {Size} bytes", nameof(bytes));
        }

        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _low = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
    }

    /// <summary>Writes the 16 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <summary>The key_id: <c>cl1-</c> and 32 lower-case hexadecimal digits.</summary>
    public override string ToString() => KeyId.Format(this);
}
