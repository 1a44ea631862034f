using System.Security.Cryptography;

namespace Cloister.Enclave.Services.Admin;

/// <summary>Whose signature changes KEKs of custody manual: pinned keys, anybody (development), or nobody. secrets: none.</summary>
public sealed class OperatorPins
{
    /// <summary>The word of the waiver.</summary>
    public const string AnyWord = "any";

    private readonly IReadOnlyList<byte[]> _digests;

    private OperatorPins(IReadOnlyList<byte[]> digests, bool any)
    {
        _digests = digests;
        IsAny = any;
    }

    /// <summary>Whoever reaches the admin socket; for development.</summary>
    public static OperatorPins Any { get; } = new([], any: true);

    /// <summary>Nobody.</summary>
    public static OperatorPins None { get; } = new([], any: false);

    /// <summary>True when no signature is asked for.</summary>
    public bool IsAny { get; }

    /// <summary>True when KEKs cannot be changed.</summary>
    public bool IsNobody => !IsAny && _digests.Count == 0;

    /// <summary>What administration shows.</summary>
    public IReadOnlyList<string> Texts => IsAny ? [AnyWord] : [.. _digests.Select(digest => $"sha256:{Convert.ToBase64String(digest.AsSpan())}")];

    /// <summary>Pins keys.</summary>
    /// <param name="digests">SHA-256 of their SubjectPublicKeyInfo.</param>
    public static OperatorPins Of(IReadOnlyList<byte[]> digests) => new(digests, any: false);

    /// <summary>True when the key is pinned.</summary>
    /// <param name="publicKeyInfo">DER of SubjectPublicKeyInfo.</param>
    public bool Accept(ReadOnlySpan<byte> publicKeyInfo)
    {
        byte[] digest = SHA256.HashData(publicKeyInfo);
        return _digests.Any(pin => pin.AsSpan().SequenceEqual(digest));
    }
}
