using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Cloister.Contracts.Keys;

/// <summary>
/// The grammar of our key_id: <c>"cl1-" 32*lower-hex</c>, 36 bytes of ASCII. It is public: Kubernetes stores it in etcd in clear
/// and exports its hash as a metric. Source: docs/envelope-format.md, "key_id"; KMS v2 allows 1 to 1024 bytes.
/// </summary>
public static class KeyId
{
    /// <summary>What every key_id of this version begins with.</summary>
    public const string Prefix = "cl1-";

    private const int Length = 4 + (2 * KeyFingerprint.Size);

    private static readonly SearchValues<char> LowerHexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>The key_id of a fingerprint.</summary>
    public static string Format(KeyFingerprint fingerprint)
    {
        Span<byte> bytes = stackalloc byte[KeyFingerprint.Size];
        fingerprint.CopyTo(bytes);
        return Prefix + Convert.ToHexStringLower(bytes);
    }

    /// <summary>Reads a key_id; upper-case digits, other lengths and other prefixes are refused.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out KeyFingerprint fingerprint)
    {
        fingerprint = default;
        return text is not null && TryParse(text.AsSpan(), out fingerprint);
    }

    /// <summary>The same in UTF-8.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out KeyFingerprint fingerprint)
    {
        // Bytes that are not ASCII become characters that are no digits.
        Span<char> characters = stackalloc char[Length];
        fingerprint = default;
        return text.Length == Length && Encoding.Latin1.TryGetChars(text, characters, out int count) && TryParse(characters[..count], out fingerprint);
    }

    private static bool TryParse(ReadOnlySpan<char> text, out KeyFingerprint fingerprint)
    {
        fingerprint = default;
        if (text.Length != Length || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length..].ContainsAnyExcept(LowerHexDigits))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[KeyFingerprint.Size];
        Convert.FromHexString(text[Prefix.Length..], bytes, out _, out _);
        fingerprint = new KeyFingerprint(bytes);
        return true;
    }
}
