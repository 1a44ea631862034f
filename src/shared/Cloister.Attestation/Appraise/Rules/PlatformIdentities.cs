using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>Platforms by the claims that identify them (<c>ppid</c>, <c>platform_instance_id</c>, <c>chip_id</c>).</summary>
public sealed class PlatformIdentities
{
    private readonly List<KeyValuePair<string, ReadOnlyMemory<byte>>> _identities;

    /// <summary>These platforms: pairs of claim and value.</summary>
    public PlatformIdentities(params IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>> identities) => _identities = [.. identities];

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _identities.Count == 0;

    /// <summary>The claim by which the evidence is one of these platforms, or null. An identity of zeros (VLEK, masked chip) is no identity.</summary>
    internal string? Find(EvidenceClaims claims)
    {
        foreach ((string claim, ReadOnlyMemory<byte> value) in _identities)
        {
            if (claims.All.TryGet(claim, out ClaimValue? found) && found.Kind == ClaimKind.Bytes
                && found.Bytes.ContainsAnyExcept((byte)0) && found.Bytes.SequenceEqual(value.Span))
            {
                return claim;
            }
        }

        return null;
    }
}
