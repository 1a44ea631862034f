using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Contracts.Keys;

/// <summary>
/// What a KEK version is called: who made it, its name, its version (from 1) and its generation, 16 bytes that differ whenever
/// the key differs. Names are 1 to 63 of <c>a-z 0-9 - .</c>, beginning and ending with a letter or digit.
/// </summary>
/// <param name="Authority">Who made the KEK: <c>manual</c>, or the identity of a broker or remote KMS.</param>
/// <param name="Name">The KEK's name.</param>
/// <param name="Version">Its version, from 1.</param>
/// <param name="Generation">16 bytes, hexadecimal: a key commitment (custody manual) or a random value (made by a KMS).</param>
public sealed record KekIdentity(string Authority, string Name, uint Version, string Generation)
{
    /// <summary>The authority of KEKs that an operator provisions.</summary>
    public const string ManualAuthority = "manual";

    private const string Label = "cloister-kek-id-v1";

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    /// <summary>True when <paramref name="name"/> may name a KEK.</summary>
    public static bool IsValidName(string name) =>
        name.Length is >= 1 and <= 63
        && !name.AsSpan().ContainsAnyExcept(NameCharacters)
        && char.IsAsciiLetterOrDigit(name[0])
        && char.IsAsciiLetterOrDigit(name[^1]);

    /// <summary>
    /// First 16 bytes of SHA-256 over the label, authority, name, version and generation, each text preceded by its length
    /// (16 bits, big-endian), the version as 32 bits, big-endian.
    /// </summary>
    public KeyFingerprint Fingerprint()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendText(hash, Label);
        AppendText(hash, Authority);
        AppendText(hash, Name);
        Span<byte> version = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(version, Version);
        hash.AppendData(version);
        AppendText(hash, Generation);
        Span<byte> digest = stackalloc byte[32];
        hash.GetHashAndReset(digest);
        return new KeyFingerprint(digest[..KeyFingerprint.Size]);
    }

    private static void AppendText(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, checked((ushort)bytes.Length));
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
