using System.Buffers.Binary;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Wire;

namespace Cloister.Contracts.Envelope;

/// <summary>
/// An encrypted DEK (EDEK) of format version 1, read in place. docs/envelope-format.md is its specification.
/// </summary>
/// <remarks>
/// <code>
///  0   4  magic "CLED"
///  4   1  format version, 1
///  5   1  suite
///  6  16  KEK fingerprint
/// 22      suite 1: nonce 24 | ciphertext | tag 16
///         suite 2: length of wrapped DEK 2 | wrapped DEK | nonce 24 | ciphertext | tag 16
///         suite 3: ciphertext of the remote KMS
/// </code>
/// </remarks>
public readonly ref struct Edek
{
    /// <summary>The most bytes an EDEK may have (KMS v2's limit).</summary>
    public const int MaxSize = 1024;

    /// <summary>Bytes before the suite's own part.</summary>
    public const int HeaderSize = 4 + 1 + 1 + KeyFingerprint.Size;

    /// <summary>Bytes of a nonce.</summary>
    public const int NonceSize = 24;

    /// <summary>Bytes of an authentication tag.</summary>
    public const int TagSize = 16;

    /// <summary>The most bytes a wrapped DEK may have, so that 64 bytes of payload always fit.</summary>
    public const int MaxWrappedDekSize = MaxSize - HeaderSize - 2 - NonceSize - TagSize - 64;

    private const byte FormatVersion = 1;

    private Edek(EdekSuite suite, KeyFingerprint kek, ReadOnlySpan<byte> bound, ReadOnlySpan<byte> wrappedDek, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> payload)
    {
        Suite = suite;
        Kek = kek;
        Bound = bound;
        WrappedDek = wrappedDek;
        Nonce = nonce;
        Payload = payload;
    }

    private static ReadOnlySpan<byte> Magic => "CLED"u8;

    /// <summary>The suite.</summary>
    public EdekSuite Suite { get; }

    /// <summary>The KEK that (directly or through a DEK) opens this EDEK.</summary>
    public KeyFingerprint Kek { get; }

    /// <summary>The bytes in front of the nonce, all of which the AAD covers.</summary>
    public ReadOnlySpan<byte> Bound { get; }

    /// <summary>Suite 2: the wrapped DEK. Else empty.</summary>
    public ReadOnlySpan<byte> WrappedDek { get; }

    /// <summary>Suites 1 and 2: the nonce, 24 bytes. Else empty.</summary>
    public ReadOnlySpan<byte> Nonce { get; }

    /// <summary>Suites 1 and 2: ciphertext and tag. Suite 3: the remote ciphertext.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>Reads an EDEK; what is not exactly as specified is an error with its offset.</summary>
    /// <exception cref="WireException">Malformed.</exception>
    public static Edek Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxSize)
        {
            throw new WireException($"EDEK has {bytes.Length} bytes, at most {MaxSize} are allowed: end", MaxSize);
        }

        if (bytes.Length < HeaderSize + 1)
        {
            throw new WireException("EDEK is truncated", bytes.Length);
        }

        if (!bytes[..4].SequenceEqual(Magic))
        {
            throw new WireException("not an EDEK of Cloister: magic", 0);
        }

        if (bytes[4] != FormatVersion)
        {
            throw new WireException($"EDEK format version {bytes[4]} is unknown", 4);
        }

        KeyFingerprint kek = new(bytes[6..HeaderSize]);
        switch ((EdekSuite)bytes[5])
        {
            case EdekSuite.Kek:
                return Aead(EdekSuite.Kek, kek, bytes, HeaderSize, default);
            case EdekSuite.RemoteDek:
                if (bytes.Length < HeaderSize + 2)
                {
                    throw new WireException("EDEK is truncated", bytes.Length);
                }

                int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[HeaderSize..]);
                if (length is 0 or > MaxWrappedDekSize || length > bytes.Length - HeaderSize - 2)
                {
                    throw new WireException("length of the wrapped DEK is out of range", HeaderSize);
                }

                return Aead(EdekSuite.RemoteDek, kek, bytes, HeaderSize + 2 + length, bytes.Slice(HeaderSize + 2, length));
            case EdekSuite.Remote:
                return new Edek(EdekSuite.Remote, kek, bytes[..HeaderSize], default, default, bytes[HeaderSize..]);
            default:
                throw new WireException($"EDEK suite {bytes[5]} is unknown", 5);
        }
    }

    /// <summary>Writes everything in front of the nonce.</summary>
    /// <param name="destination">At least <see cref="BoundSize"/> bytes.</param>
    /// <param name="suite">The suite.</param>
    /// <param name="kek">The KEK's fingerprint.</param>
    /// <param name="wrappedDek">Suite 2: the wrapped DEK. Else empty.</param>
    /// <returns>How many bytes were written.</returns>
    public static int WriteBound(Span<byte> destination, EdekSuite suite, KeyFingerprint kek, ReadOnlySpan<byte> wrappedDek)
    {
        Magic.CopyTo(destination);
        destination[4] = FormatVersion;
        destination[5] = (byte)suite;
        kek.CopyTo(destination[6..]);
        if (suite != EdekSuite.RemoteDek)
        {
            return HeaderSize;
        }

        BinaryPrimitives.WriteUInt16BigEndian(destination[HeaderSize..], checked((ushort)wrappedDek.Length));
        wrappedDek.CopyTo(destination[(HeaderSize + 2)..]);
        return HeaderSize + 2 + wrappedDek.Length;
    }

    /// <summary>Bytes in front of the nonce for a suite and a wrapped DEK of that length.</summary>
    public static int BoundSize(EdekSuite suite, int wrappedDekLength) =>
        suite == EdekSuite.RemoteDek ? HeaderSize + 2 + wrappedDekLength : HeaderSize;

    private static Edek Aead(EdekSuite suite, KeyFingerprint kek, ReadOnlySpan<byte> bytes, int bound, ReadOnlySpan<byte> wrappedDek)
    {
        if (bytes.Length - bound < NonceSize + TagSize + 1)
        {
            throw new WireException("EDEK is truncated", bytes.Length);
        }

        return new Edek(suite, kek, bytes[..bound], wrappedDek, bytes.Slice(bound, NonceSize), bytes[(bound + NonceSize)..]);
    }
}
