using Cloister.Attestation.Abi.Nitro;

namespace Cloister.Attestation.Claims;

/// <summary>What an authentic Nitro attestation document says.</summary>
public sealed class NitroClaims : EvidenceClaims
{
    internal NitroClaims(NitroDocument document) => Document = document;

    /// <inheritdoc />
    public override Tee Tee => Tee.Nitro;

    /// <summary>Whether the enclave runs in debug mode, in which the parent reads its console and PCR0, PCR1 and PCR2 are zero.</summary>
    public override bool Debug => IsZero(0) && IsZero(1) && IsZero(2);

    /// <summary>The document.</summary>
    public NitroDocument Document { get; }

    /// <inheritdoc />
    protected override void Describe(ClaimSet claims)
    {
        ArgumentNullException.ThrowIfNull(claims);
        claims.Add(ClaimNames.ModuleId, Document.ModuleId);
        claims.Add("digest", Document.Digest);
        claims.Add(ClaimNames.Timestamp, Document.TimestampMilliseconds);
        foreach ((int index, ReadOnlyMemory<byte> value) in Document.Pcrs.Present)
        {
            claims.Add(FormattableString.Invariant($"{ClaimNames.PcrPrefix}{index}"), value);
        }

        AddIfPresent(claims, ClaimNames.PublicKey, Document.PublicKey);
        AddIfPresent(claims, ClaimNames.UserData, Document.UserData);
        AddIfPresent(claims, ClaimNames.Nonce, Document.Nonce);
    }

    private static void AddIfPresent(ClaimSet claims, string name, ReadOnlyMemory<byte>? value)
    {
        if (value is { } bytes)
        {
            claims.Add(name, bytes);
        }
    }

    private bool IsZero(int index) => Document.Pcrs[index] is { } value && !value.Span.ContainsAnyExcept((byte)0);
}
