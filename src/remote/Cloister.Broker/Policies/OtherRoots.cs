using Cloister.Attestation.Certificates;

namespace Cloister.Broker.Policies;

/// <summary>
/// Which roots policies may trust besides the pinned ones of the vendors. Only the broker's own configuration file says so, which administrators do
/// not write: who can name a root makes the evidence that it signs. Immutable.
/// </summary>
public sealed class OtherRoots
{
    private static readonly HashSet<string> Pinned =
        [.. ((TrustAnchors[])[TrustAnchors.Intel, TrustAnchors.Amd, TrustAnchors.Aws]).SelectMany(vendor => vendor.All).Select(anchor => anchor.Sha256)];

    private readonly HashSet<string>? _allowed;

    private OtherRoots(HashSet<string>? allowed) => _allowed = allowed;

    /// <summary>No others: what a broker allows whose configuration says nothing.</summary>
    public static OtherRoots None { get; } = new([]);

    /// <summary>Any: simulated TEEs may get KEKs. For development and tests.</summary>
    public static OtherRoots Any { get; } = new((HashSet<string>?)null);

    /// <summary>Whether there are roots besides the vendors' that a policy may trust.</summary>
    public bool Allows => _allowed is not { Count: 0 };

    /// <summary>These.</summary>
    /// <param name="digests">SHA-256 of each certificate, 64 hex digits.</param>
    public static OtherRoots Of(IEnumerable<string> digests) => new([.. digests.Select(digest => digest.ToLowerInvariant())]);

    /// <summary>The roots that are no vendor's pinned one: SHA-256 of each certificate, lower-case hex, in order.</summary>
    public static IReadOnlyList<string> In(IEnumerable<Certificate> roots) =>
        [.. roots.Select(root => Convert.ToHexStringLower(root.Sha256.Span)).Where(digest => !Pinned.Contains(digest)).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Why these roots must not be trusted; null: they may.</summary>
    public string? Refusal(IEnumerable<Certificate> roots)
    {
        string[] refused = [.. In(roots).Where(digest => _allowed is not null && !_allowed.Contains(digest))];
        return refused.Length == 0
            ? null
            : $"root {string.Join(", ", refused)} is not a vendor's: only the broker's configuration file can allow it, by 'otherRoots' (docs/broker.md)";
    }
}
